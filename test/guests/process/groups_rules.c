/* setpgid(2), setsid(2), getsid(2) and job control without a terminal: every refusal; orphaned groups; reparenting. */
#include "check.h"
#include <sys/prctl.h>
static int st; static pid_t nap(void) { fflush(stdout); pid_t p = fork(); if (p == 0) for (;;) pause(); return p; } static void end(pid_t p) { kill(p, 9); waitpid(p, &st, 0); }
static volatile int hups; static void hup(int s) { hups += s; }
int main(void) {
  T(setpgid(-1, 0)); T(setpgid(0, -1)); T(setpgid(1 << 30, 0)); T(getpgid(1 << 30)); T(getsid(1 << 30)); T(getpgid(-1)); T(getsid(-1)); IS(getpgid(0) == getpgrp()); pid_t p = nap(); IS(getpgid(p) == getpgrp()); IS(getsid(p) == getsid(0)); T(setpgid(p, p)); IS(getpgid(p) == p); T(setpgid(p, p)); T(setpgid(p, getpgrp())); T(setpgid(p, 1 << 29)); pid_t q = nap(); T(setpgid(q, p)); T(setpgid(p, p)); T(setpgid(q, p)); IS(getpgid(q) == p); T(kill(-p, 0)); end(p); T(kill(-p, 0)); T(setpgid(q, q)); end(q); T(setpgid(q, q));
  fflush(stdout); p = fork(); if (p == 0) { T(setsid() == getpid()); T(setsid()); T(setpgid(0, 0)); IS(getsid(0) == getpid()); T(setpgid(0, getppid())); fflush(stdout); pid_t k = fork(); if (k == 0) { T(setpgid(0, 0)); T(setsid()); T(setpgid(0, getppid())); T(setsid() > 0); fflush(stdout); _exit(0); } waitpid(k, &st, 0); _exit(0); } waitpid(p, &st, 0);
  p = fork(); if (p == 0) { setsid(); pause(); } while (getsid(p) != p) usleep(300); T(setpgid(p, 0)); end(p); p = fork(); if (p == 0) { execl("/bin/sleep", "sleep", "5", (char *)0); } char link[64], exe[256]; sprintf(link, "/proc/%d/exe", p); for (;;) { int n = readlink(link, exe, 255); exe[n > 0 ? n : 0] = 0; if (strstr(exe, "sleep") || strstr(exe, "busybox") || strstr(exe, "coreutils")) break; usleep(500); } T(setpgid(p, p)); end(p);
  /* a child of a child is not mine to move */
  int c[2]; pipe(c); fflush(stdout); p = fork(); if (p == 0) { pid_t g = nap(); write(c[1], &g, 4); for (;;) pause(); } pid_t g; read(c[0], &g, 4); T(setpgid(g, g)); kill(g, 9); end(p);
  /* stopped members of a group that becomes orphaned get SIGHUP and SIGCONT */
  prctl(PR_SET_CHILD_SUBREAPER, 1); pipe(c); p = fork(); if (p == 0) { setsid(); pid_t m = fork(); if (m == 0) { setpgid(0, 0); signal(SIGHUP, SIG_IGN); pid_t k = fork(); if (k == 0) { signal(SIGHUP, hup); signal(SIGCONT, hup); raise(SIGSTOP); _exit(4 + hups); } waitpid(k, &st, WUNTRACED); write(c[1], "x", 1); waitpid(k, &st, 0); _exit(WEXITSTATUS(st) + 1); } char x; read(c[0], &x, 1); _exit(0); } waitpid(p, &st, 0); HEX(st); IS(wait(&st) > 0); HEX(st); T(wait(&st));
  /* not orphaned: the new parent is in another group of the session */
  p = fork(); if (p == 0) { setpgid(0, 0); pid_t k = fork(); if (k == 0) { signal(SIGHUP, hup); raise(SIGSTOP); _exit(9 + hups); } waitpid(k, &st, WUNTRACED); write(c[1], &k, 4); _exit(0); } pid_t still; read(c[0], &still, 4); waitpid(p, &st, 0); usleep(3000); T(waitpid(still, &st, WNOHANG)); kill(still, SIGCONT); IS(waitpid(still, &st, 0) == still); HEX(st);
  /* terminal stops do nothing in an orphaned group */
  p = fork(); if (p == 0) { setsid(); raise(SIGTSTP); raise(SIGTTIN); raise(SIGTTOU); _exit(6); } waitpid(p, &st, WUNTRACED); HEX(st); 
  /* the reaper gets grandchildren, and their parent is the reaper then */
  pipe(c); p = fork(); if (p == 0) { pid_t old = getpid(), k = fork(); if (k == 0) { while (getppid() == old) usleep(300); pid_t now = getppid(); write(c[1], &now, 4); _exit(8); } usleep(1000); _exit(0); } waitpid(p, &st, 0); pid_t seen = 0; read(c[0], &seen, 4); IS(seen == getpid()); IS(wait(&st) > 0); HEX(st);
  p = fork(); if (p == 0) { pid_t k = fork(); if (k == 0) { prctl(PR_SET_PDEATHSIG, SIGUSR1); write(c[1], "k", 1); for (;;) pause(); } char y; read(c[0], &y, 1); _exit(0); } waitpid(p, &st, 0); IS(wait(&st) > 0); HEX(st);
}
