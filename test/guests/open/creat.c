#include "files.h"
int main(void) {
  umask(022);
  int fd = creat("new", 0666);
  IS(fd >= 0);
  what("new");
  T(fcntl(fd, F_GETFL) & O_ACCMODE);
  T(write(fd, "content", 7));
  char c;
  T(read(fd, &c, 1));
  close(fd);
  what("new");
  TRY(creat("new", 0600)); /* truncates, keeps the mode */
  what("new");
  mkdir("d", 0755);
  TRY(creat("d", 0644));
  TRY(creat("d/", 0644));
  TRY(creat("absent/x", 0644));
  TRY(creat("new/x", 0644));
  TRY(creat("", 0644));
  TRY(creat(NULL, 0644));
  TRY(creat((char *)-1, 0644));
  symlink("through", "link");
  TRY(creat("link", 0640));
  what("through");
  symlink("link-loop", "link-loop");
  TRY(creat("link-loop", 0640));
  symlink("absent/y", "dangling");
  TRY(creat("dangling", 0640));
  umask(0777);
  TRY(creat("nothing", 0777));
  what("nothing");
  umask(0);
  TRY(creat("all", 07777));
  what("all");
  TRY(creat("mode-bits", 0177777));
  what("mode-bits");
}
