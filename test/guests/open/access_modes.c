#include "files.h"
static void tries(const char *name) {
  static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND, O_PATH};
  for (int i = 0; i < 6; i++) {
    int fd = open(name, modes[i]);
    printf("%s %#o: %s\n", name, modes[i], fd < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0) close(fd);
  }
}
static void user(void) {
  static const char *names[] = {"m000", "m400", "m200", "m600", "m444", "m222", "m666", "m111", "own"};
  for (int i = 0; i < 9; i++) tries(names[i]);
  tries("closed/f"); /* no search permission */
  tries("unreadable/f");
  TRY(open("unreadable", O_RDONLY));
  TRY(open("unreadable", O_RDONLY | O_DIRECTORY));
  TRY(open("closed", O_RDONLY));
  TRY(open("readonly/new", O_CREAT | O_WRONLY, 0600));
  TRY(open("readonly/f", O_CREAT | O_WRONLY, 0600)); /* exists */
  TRY(open("readonly/f", O_CREAT | O_EXCL | O_WRONLY, 0600));
  TRY(open("m666", O_RDONLY | O_NOATIME));
  TRY(open("readonly", O_TMPFILE | O_RDWR, 0600));
}
int main(void) {
  umask(0);
  static const int modes[] = {0, 0400, 0200, 0600, 0444, 0222, 0666, 0111};
  for (int i = 0; i < 8; i++) {
    char name[8];
    snprintf(name, sizeof name, "m%03o", modes[i]);
    put(name, "x");
    chmod(name, modes[i]);
  }
  put("own", "x");
  chown("own", 12345, 12345);
  chmod("own", 0077);
  mkdir("closed", 0755); put("closed/f", "x"); chmod("closed/f", 0666); chmod("closed", 0644);
  mkdir("unreadable", 0755); put("unreadable/f", "x"); chmod("unreadable/f", 0666); chmod("unreadable", 0711);
  mkdir("readonly", 0755); put("readonly/f", "x"); chmod("readonly/f", 0666); chmod("readonly", 0555);
  tries("m000");
  tries("m111");
  AS_USER(user);
  chmod("closed", 0755);
}
