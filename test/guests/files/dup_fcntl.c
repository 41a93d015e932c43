#include "check.h"
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  T(dup(fd)); T(dup(-1)); T(dup2(fd, 10)); T(dup2(fd, fd)); T(dup2(99, 99)); T(dup2(99, 5)); T(dup2(fd, -1));
  T(dup3(fd, fd, 0)); T(dup3(fd, 11, O_CLOEXEC)); T(dup3(fd, 12, O_APPEND));
  T(fcntl(11, F_GETFD)); T(fcntl(10, F_GETFD)); T(fcntl(10, F_SETFD, FD_CLOEXEC)); T(fcntl(10, F_GETFD)); T(fcntl(fd, F_GETFD));
  T(fcntl(fd, F_DUPFD, 20)); T(fcntl(fd, F_DUPFD_CLOEXEC, 20)); T(fcntl(21, F_GETFD)); T(fcntl(fd, F_DUPFD, -1)); T(fcntl(fd, F_DUPFD, 1 << 30));
  T(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)); T(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK)); T(fcntl(20, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
  T(fcntl(fd, 9999)); T(fcntl(99, F_GETFD));
  T(write(fd, "abc", 3)); T(lseek(20, 0, SEEK_CUR)); T(lseek(20, 1, SEEK_SET)); T(lseek(fd, 0, SEEK_CUR));
  T(syscall(SYS_close_range, 10, 15, 0)); T(fcntl(10, F_GETFD)); T(fcntl(11, F_GETFD)); T(syscall(SYS_close_range, 20, ~0u, 4)); T(fcntl(20, F_GETFD)); T(syscall(SYS_close_range, 9, 5, 0)); T(syscall(SYS_close_range, 5, 9, 64));
}
