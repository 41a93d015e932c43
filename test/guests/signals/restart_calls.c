/* Which calls a handler interrupts, with and without SA_RESTART (signal(7)). */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <linux/futex.h>
static volatile int hits; static int pfd[2], sock[2], ep, efd; static pid_t kid; static int fx;
static void h(int s) { hits++; if (hits == 2) { char c = 'x'; write(pfd[1], &c, 1); write(sock[1], &c, 1); eventfd_write(efd, 1); fx = 1; syscall(SYS_futex, &fx, FUTEX_WAKE, 1, 0, 0, 0); if (kid) kill(kid, SIGKILL); } }
static void arm(int restart) { struct sigaction a = {.sa_handler = h, .sa_flags = restart ? SA_RESTART : 0}; sigaction(SIGALRM, &a, 0); hits = 0; fx = 0; struct itimerval t = {{0, 8000}, {0, 8000}}; setitimer(ITIMER_REAL, &t, 0); }
static void disarm(void) { struct itimerval t = {{0, 0}, {0, 0}}; setitimer(ITIMER_REAL, &t, 0); char b[8]; struct pollfd p = {pfd[0], POLLIN}; if (poll(&p, 1, 0) > 0) read(pfd[0], b, 8); p.fd = sock[0]; if (poll(&p, 1, 0) > 0) read(sock[0], b, 8); p.fd = efd; if (poll(&p, 1, 0) > 0) read(efd, b, 8); }
#define BOTH(call) do { for (int r_ = 0; r_ < 2; r_++) { arm(r_); errno = 0; long v_ = (long)(call); int e_ = errno, n_ = hits; disarm(); printf("%s %s: %s\n", #call, r_ ? "restart" : "plain", v_ == -1 ? strerrorname_np(e_) : "done"); fflush(stdout); } } while (0)
int main(void) {
  char b[8]; pipe(pfd); socketpair(AF_UNIX, SOCK_STREAM, 0, sock); ep = epoll_create1(0); struct epoll_event ev = {EPOLLIN}; epoll_ctl(ep, EPOLL_CTL_ADD, pfd[0], &ev); efd = eventfd(0, 0);
  BOTH(read(pfd[0], b, 1)); BOTH(recv(sock[0], b, 1, 0)); BOTH(read(efd, b, 8)); struct pollfd p = {pfd[0], POLLIN}; BOTH(poll(&p, 1, 200)); fd_set s; BOTH(({ FD_ZERO(&s); FD_SET(pfd[0], &s); select(pfd[0] + 1, &s, 0, 0, &(struct timeval){0, 200000}); })); BOTH(epoll_wait(ep, &ev, 1, 200)); BOTH(ppoll(&p, 1, &(struct timespec){0, 200000000}, 0)); BOTH(pselect(0, 0, 0, 0, &(struct timespec){0, 30000000}, 0));
  BOTH(nanosleep(&(struct timespec){0, 30000000}, 0)); BOTH(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 30000000}, 0)); BOTH(usleep(30000)); BOTH(pause());
  sigset_t m; sigemptyset(&m); BOTH(sigsuspend(&m)); sigaddset(&m, SIGUSR1); BOTH(sigwaitinfo(&m, 0)); BOTH(sigtimedwait(&m, 0, &(struct timespec){0, 30000000}));
  BOTH(syscall(SYS_futex, &fx, FUTEX_WAIT, 0, 0, 0, 0)); BOTH(syscall(SYS_futex, &fx, FUTEX_WAIT, 0, &(struct timespec){0, 30000000}, 0, 0)); BOTH(syscall(SYS_futex, &fx, FUTEX_WAIT_BITSET, 0, 0, 0, -1));
  BOTH(({ fflush(stdout); if ((kid = fork()) == 0) { for (;;) pause(); } int st; long r = waitpid(kid, &st, 0); int e = errno; if (r < 0) { kill(kid, 9); waitpid(kid, &st, 0); } kid = 0; errno = e; r; }));
  BOTH(({ fflush(stdout); if ((kid = fork()) == 0) { for (;;) pause(); } siginfo_t i; long r = waitid(P_PID, kid, &i, WEXITED); int e = errno, st; if (r < 0) { kill(kid, 9); waitpid(kid, &st, 0); } kid = 0; errno = e; r; }));
  int q = semget(IPC_PRIVATE, 1, 0600); struct sembuf op = {0, -1, 0}; BOTH(semop(q, &op, 1)); BOTH(semtimedop(q, &op, 1, &(struct timespec){0, 30000000})); semctl(q, 0, IPC_RMID);
  int f1 = open("l", O_CREAT | O_RDWR, 0600); int f2 = open("l", O_RDWR); flock(f1, LOCK_EX); BOTH(({ if (hits > 1) flock(f1, LOCK_UN); long r = hits ? 0 : flock(f2, LOCK_EX | LOCK_NB); r; })); unlink("l");
  char full[65536]; memset(full, 0, sizeof full); fcntl(pfd[1], F_SETFL, O_NONBLOCK); while (write(pfd[1], full, 65536) > 0); while (write(pfd[1], full, 1) > 0); fcntl(pfd[1], F_SETFL, 0); BOTH(({ long r = -1; struct pollfd w = {pfd[1], POLLOUT}; r = poll(&w, 1, 20); r; }));
}
