#include "files.h"
int main(void) {
  put("f", "0123456789"); symlink("f", "l"); mkdir("d", 0755); symlink("d", "ld"); symlink("absent", "dead");
  HEX(fcntl(open("f", O_RDONLY), F_GETFL)); HEX(fcntl(open("f", O_RDWR | O_APPEND | O_NONBLOCK), F_GETFL));
  HEX(fcntl(open("f", O_WRONLY | O_SYNC | O_CREAT | O_TRUNC, 0600), F_GETFL)); HEX(fcntl(open("f", O_RDWR | O_DSYNC | O_NOCTTY), F_GETFL));
  HEX(fcntl(open("d", O_DIRECTORY | O_CLOEXEC), F_GETFL)); HEX(fcntl(open("f", O_NOFOLLOW | O_NOATIME), F_GETFL));
  HEX(fcntl(open("f", O_RDONLY | O_ASYNC), F_GETFL));
  T(fcntl(open("f", O_CLOEXEC), F_GETFD)); T(fcntl(open("f", O_RDONLY), F_GETFD));
  TRY(open("l", O_NOFOLLOW)); TRY(open("l", O_NOFOLLOW | O_CREAT, 0600)); TRY(open("l", O_CREAT | O_EXCL, 0600)); TRY(open("dead", O_CREAT | O_EXCL, 0600));
  TRY(open("dead", O_CREAT | O_NOFOLLOW, 0600)); TRY(open("ld", O_NOFOLLOW | O_DIRECTORY)); TRY(open("ld/", O_NOFOLLOW | O_DIRECTORY)); TRY(open("ld/.", O_NOFOLLOW)); TRY(open("l/", O_RDONLY)); TRY(open("dead", O_RDONLY));
  TRY(open("d", O_CREAT | O_EXCL, 0600)); TRY(open("f", O_EXCL)); TRY(open("dead", O_CREAT | O_RDWR, 0600)); what("absent");
  put("f", "0123456789"); int a = open("f", O_RDWR | O_APPEND); T(lseek(a, 0, SEEK_CUR)); T(write(a, "A", 1)); T(lseek(a, 0, SEEK_CUR));
  T(pwrite(a, "P", 1, 0)); show("f"); T(lseek(a, 3, SEEK_SET)); char b[4] = {0}; T(read(a, b, 2)); puts(b); T(write(a, "B", 1)); show("f");
  int t = open("f", O_RDONLY | O_TRUNC); IS(t >= 0); what("f"); T(write(t, "x", 1)); T(lseek(a, 0, SEEK_CUR)); T(write(a, "C", 1)); show("f");
  TRY(open("/dev/null", O_RDWR | O_TRUNC)); TRY(open("/dev/null", O_RDWR | O_APPEND | O_CREAT, 0600)); TRY(open("/dev/null", O_DIRECTORY)); TRY(open("/dev/null/x", O_RDONLY)); TRY(open("/dev/null/", O_RDONLY));
  mkfifo("p", 0600); TRY(open("p", O_WRONLY | O_NONBLOCK)); TRY(open("p", O_RDONLY | O_NONBLOCK)); TRY(open("p", O_RDWR)); TRY(open("p", O_RDWR | O_TRUNC)); TRY(open("p", O_DIRECTORY)); TRY(open("p", O_CREAT | O_EXCL, 0600));
}
