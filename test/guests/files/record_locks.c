#include "check.h"
static int fd;
static void show(short type, long start, long len) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
  errno = 0; int r = fcntl(fd, F_GETLK, &l);
  printf("getlk %d %ld %ld -> %d %s type %d start %ld len %ld pid %s\n", type, start, len, r, strerrorname_np(errno), l.l_type, (long)l.l_start, (long)l.l_len, l.l_type == F_UNLCK ? "-" : l.l_pid == getppid() ? "parent" : "other");
}
static long set(int cmd, short type, long start, long len) { struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len}; return fcntl(fd, cmd, &l); }
static void other(void) {
  show(F_WRLCK, 0, 5); show(F_RDLCK, 0, 5); show(F_WRLCK, 20, 5); show(F_WRLCK, 12, 1);
  T(set(F_SETLK, F_WRLCK, 0, 1)); T(set(F_SETLK, F_WRLCK, 200, 1)); T(set(F_SETLK, F_RDLCK, 22, 1));
}
int main(void) {
  fd = open("f", O_RDWR | O_CREAT, 0600);
  T(set(F_SETLK, F_WRLCK, 0, 10)); T(set(F_SETLK, F_RDLCK, 20, 10)); T(set(F_SETLK, F_UNLCK, 3, 2)); T(set(F_SETLK, 77, 3, 2)); T(set(F_SETLK, F_WRLCK, -5, 2));
  CHILD(other);
  int dupfd = open("f", O_RDONLY); close(dupfd);
  CHILD(other);
  int ro = open("f", O_RDONLY); int keep = fd; fd = ro; T(set(F_SETLK, F_WRLCK, 0, 10)); T(set(F_SETLK, F_RDLCK, 0, 10)); fd = keep;
  struct flock o = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 10};
  T(fcntl(fd, F_OFD_SETLK, &o)); int second = open("f", O_RDWR); T(fcntl(second, F_OFD_SETLK, &o)); o.l_pid = 1; T(fcntl(second, F_OFD_SETLK, &o));
}
