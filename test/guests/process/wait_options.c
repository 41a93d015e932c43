/* wait4(2), waitid(2): options, selectors, what WNOWAIT leaves, stops and continuations, siginfo. */
#include "check.h"
#include <sys/syscall.h>
static int stop_pipe[2];
static pid_t sleeper(void) { fflush(stdout); pid_t p = fork(); if (p == 0) { for (;;) pause(); } return p; }
static pid_t ending(int code) { fflush(stdout); pid_t p = fork(); if (p == 0) _exit(code); return p; }
static void show(const char *n, siginfo_t *i, pid_t p) { printf("%s: signo %d code %d pid %s status %d uid %d errno %d\n", n, i->si_signo, i->si_code, i->si_pid == p ? "child" : i->si_pid == 0 ? "0" : "other", i->si_status, i->si_pid ? (int)(i->si_uid == getuid()) : 0, i->si_errno); fflush(stdout); }
int main(void) {
  int st; siginfo_t in; struct rusage ru;
  T(wait4(-1, &st, 0, 0)); T(wait4(-1, &st, 0x100, 0)); T(wait4(-1, &st, WNOWAIT, 0)); T(wait4(INT_MIN, &st, 0, 0)); T(waitid(P_ALL, 0, &in, 0)); T(waitid(P_ALL, 0, &in, WEXITED)); T(waitid(P_ALL, 0, &in, WNOHANG)); T(waitid(9, 0, &in, WEXITED)); T(waitid(P_PID, 0, &in, WEXITED)); T(waitid(P_PID, -1, &in, WEXITED)); T(waitid(P_PGID, -1, &in, WEXITED)); T(waitid(P_PIDFD, -1, &in, WEXITED)); T(waitid(P_PIDFD, 0, &in, WEXITED)); T(waitid(P_PIDFD, 999, &in, WEXITED));
  pid_t p = ending(3); memset(&in, 9, sizeof in); T(waitid(P_PID, p, &in, WEXITED | WNOWAIT)); show("nowait", &in, p); memset(&in, 9, sizeof in); T(waitid(P_PID, p, &in, WEXITED | WNOHANG)); show("again", &in, p); T(waitid(P_PID, p, &in, WEXITED));
  p = sleeper(); memset(&in, 9, sizeof in); T(waitid(P_PID, p, &in, WEXITED | WNOHANG)); show("none", &in, p); T(wait4(p, &st, WNOHANG, 0)); T(wait4(p, &st, WNOHANG | __WCLONE, 0)); T(wait4(p, &st, WNOHANG | __WALL, 0)); T(wait4(p, &st, WNOHANG | __WNOTHREAD, 0));
  kill(p, SIGSTOP); T(waitid(P_PID, p, &in, WSTOPPED | WNOWAIT)); show("stopped", &in, p); T(waitid(P_PID, p, &in, WSTOPPED)); T(waitid(P_PID, p, &in, WSTOPPED | WNOHANG)); show("taken", &in, p); T(wait4(p, &st, WNOHANG | WUNTRACED, 0));
  kill(p, SIGCONT); T(waitid(P_PID, p, &in, WCONTINUED)); show("continued", &in, p); kill(p, SIGSTOP); IS(wait4(p, &st, WUNTRACED, 0) == p); HEX(st); kill(p, SIGCONT); IS(wait4(p, &st, WCONTINUED, 0) == p); HEX(st); IS(WIFCONTINUED(st));
  setpgid(p, p); kill(p, SIGTSTP); IS(wait4(p, &st, WUNTRACED, 0) == p); kill(p, SIGKILL); memset(&ru, 0xff, sizeof ru); IS(wait4(p, &st, 0, &ru) == p); HEX(st); IS(ru.ru_utime.tv_sec == 0);
  p = ending(0); T(wait4(p, (int *)8, 0, 0)); T(wait4(p, &st, 0, 0)); p = ending(0); T(syscall(SYS_waitid, P_PID, p, 8, WEXITED, 0)); T(wait4(p, &st, 0, 0)); p = ending(7); IS(syscall(SYS_waitid, P_PID, p, 0, WEXITED, &ru) == 0);
  p = sleeper(); setpgid(p, p); IS(wait4(-p, &st, WNOHANG, 0) == 0); T(wait4(0, &st, WNOHANG, 0)); T(waitid(P_PGID, p, &in, WEXITED | WNOHANG)); T(waitid(P_PGID, 0, &in, WEXITED | WNOHANG)); kill(-p, SIGTERM); IS(wait4(-p, &st, 0, 0) == p); HEX(st);
  p = ending(256 + 5); wait4(p, &st, 0, 0); HEX(st);
  /* SIGCHLD ignored: no zombies */
  signal(SIGCHLD, SIG_IGN); p = ending(1); T(wait4(p, &st, 0, 0)); struct sigaction a = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}; sigaction(SIGCHLD, &a, 0); p = ending(1); T(wait4(-1, &st, 0, 0)); signal(SIGCHLD, SIG_DFL);
  int fd = syscall(SYS_pidfd_open, p = sleeper(), O_NONBLOCK); T(waitid(P_PIDFD, fd, &in, WEXITED)); kill(p, 9); usleep(2000); while (waitid(P_PIDFD, fd, &in, WEXITED) < 0 && errno == EAGAIN) usleep(1000); show("pidfd", &in, p);
}
