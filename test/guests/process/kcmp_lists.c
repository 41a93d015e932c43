/* kcmp(2) of undo lists and of what an epoll set watches; the order of errors of link(2). */
#include "check.h"
#include <sys/epoll.h>
#include <sys/sem.h>

#define KCMP_SYSVSEM 6
#define KCMP_EPOLL_TFD 7
#define KCMP(type, a, b) ({                                         \
  long r_ = syscall(SYS_kcmp, pid, child, type, a, b);              \
  r_ > 1 ? 1 : r_; /* the order of different objects is by chance */ })

int main(void) {
  struct { unsigned efd, tfd, toff; } slot;
  int ends[2];
  T(pipe(ends));
  int set = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {0}};
  T(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
  fflush(stdout);
  pid_t pid = getpid(), child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  T(KCMP(KCMP_SYSVSEM, 0, 0));
  slot.efd = set, slot.tfd = ends[0], slot.toff = 0;
  T(KCMP(KCMP_EPOLL_TFD, ends[0], &slot));
  T(KCMP(KCMP_EPOLL_TFD, ends[1], &slot));
  T(KCMP(KCMP_EPOLL_TFD, 99, &slot));
  T(KCMP(KCMP_EPOLL_TFD, ends[0], 8));
  slot.toff = 1;
  T(KCMP(KCMP_EPOLL_TFD, ends[0], &slot));
  slot.toff = 0, slot.tfd = ends[1];
  T(KCMP(KCMP_EPOLL_TFD, ends[0], &slot));
  slot.efd = 99;
  T(KCMP(KCMP_EPOLL_TFD, ends[0], &slot));
  slot.efd = ends[0];
  T(KCMP(KCMP_EPOLL_TFD, ends[0], &slot));
  T(KCMP(8, 0, 0));

  int semaphores = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf up = {0, 1, SEM_UNDO};
  T(semop(semaphores, &up, 1));
  T(KCMP(KCMP_SYSVSEM, 0, 0) != 0);
  T(semctl(semaphores, 0, IPC_RMID));
  T(kill(child, SIGKILL));
  T(waitpid(child, NULL, 0) == child);

  /* The old name is looked at before a new one that cannot be read. */
  T(link("missing", (char *)8));
  T(link((char *)8, (char *)8));
  T(creat("there", 0600) >= 0);
  T(link("there", (char *)8));
  T(linkat(AT_FDCWD, "", AT_FDCWD, (char *)8, 0));
  return 0;
}
