#include "files.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
int main(int c, char **v) {
  if (c > 1) { for (int i = 3; i < 60; i++) if (fcntl(i, F_GETFD) >= 0) printf("%d ", i); puts("stay"); return 0; }
  open(".", O_RDONLY); open(".", O_RDONLY | O_CLOEXEC); dup(3); dup3(3, 6, O_CLOEXEC); int p[2]; pipe2(p, O_CLOEXEC); pipe(p); epoll_create1(0); epoll_create1(EPOLL_CLOEXEC); eventfd(0, 0); eventfd(0, EFD_CLOEXEC); inotify_init1(0); inotify_init1(IN_CLOEXEC); timerfd_create(0, 0); timerfd_create(0, TFD_CLOEXEC); sigset_t s; sigemptyset(&s); signalfd(-1, &s, 0); signalfd(-1, &s, SFD_CLOEXEC); socketpair(AF_UNIX, SOCK_STREAM, 0, p); socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p); memfd_create("m", 0); memfd_create("m", MFD_CLOEXEC); openat2_(AT_FDCWD, ".", O_RDONLY | O_CLOEXEC, 0, 0); open(".", O_PATH | O_CLOEXEC); ioctl(3, FIOCLEX); ioctl(4, FIONCLEX);
  for (int i = 3; i < 60; i++) { int f = fcntl(i, F_GETFD); if (f >= 0) printf("%d:%d ", i, f); } puts(""); fflush(stdout); execl(v[0], v[0], "again", NULL);
}
