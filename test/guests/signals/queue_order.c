/* Real-time signals queue and keep their order and values; standard ones merge; thread before process. */
#include "check.h"
static int n; static struct { int sig, code, val, pid; } got[64];
static void h(int s, siginfo_t *i, void *u) { if (n < 64) { got[n].sig = s; got[n].code = i->si_code; got[n].val = i->si_value.sival_int; got[n].pid = i->si_pid == getpid(); n++; } }
static void show(const char *t) { printf("%s: %d\n", t, n); for (int k = 0; k < n; k++) printf("  %d code %d value %d own %d\n", got[k].sig, got[k].code, got[k].val, got[k].pid); n = 0; fflush(stdout); }
int main(void) {
  struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO}; sigfillset(&a.sa_mask); for (int s = 1; s < 65; s++) if (s != 32 && s != 33 && s != 9 && s != 19) sigaction(s, &a, 0);
  sigset_t all, old, pend; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, &old); union sigval v;
  for (int k = 0; k < 3; k++) { v.sival_int = 10 + k; T(sigqueue(getpid(), SIGRTMIN + 3, v)); v.sival_int = 20 + k; T(sigqueue(getpid(), SIGRTMIN, v)); v.sival_int = 30 + k; T(sigqueue(getpid(), SIGUSR1, v)); kill(getpid(), SIGRTMIN + 1); kill(getpid(), SIGUSR2); }
  sigpending(&pend); for (int s = 1; s < 65; s++) if (sigismember(&pend, s) == 1) printf("pending %d\n", s); sigprocmask(SIG_SETMASK, &old, 0); show("kill and sigqueue");
  sigprocmask(SIG_BLOCK, &all, 0); kill(getpid(), SIGTERM); raise(SIGHUP); syscall(SYS_tkill, syscall(SYS_gettid), SIGTERM); kill(getpid(), SIGHUP); kill(getpid(), SIGCONT); raise(SIGSEGV); kill(getpid(), SIGFPE); sigprocmask(SIG_SETMASK, &old, 0); show("order");
  T(sigqueue(getpid(), 65, v)); T(sigqueue(getpid(), -1, v)); T(sigqueue(getpid(), 0, v)); T(sigqueue(999999, SIGUSR1, v)); 
  struct rlimit r = {3, 3}, old_r; getrlimit(RLIMIT_SIGPENDING, &old_r); r.rlim_max = old_r.rlim_max; setrlimit(RLIMIT_SIGPENDING, &r); sigprocmask(SIG_BLOCK, &all, 0); int ok = 0; for (int k = 0; k < 6; k++) { v.sival_int = k; if (sigqueue(getpid(), SIGRTMIN, v) == 0) ok++; else { T(errno); break; } } IS(ok <= 3); T(kill(getpid(), SIGRTMIN + 1)); T(kill(getpid(), SIGUSR1)); T(raise(SIGUSR2)); sigprocmask(SIG_SETMASK, &old, 0); int total = n; IS(total == ok + 3); n = 0; setrlimit(RLIMIT_SIGPENDING, &old_r);
  /* ignoring drops what is pending */
  sigprocmask(SIG_BLOCK, &all, 0); raise(SIGUSR1); v.sival_int = 1; sigqueue(getpid(), SIGRTMIN, v); sigqueue(getpid(), SIGRTMIN, v); signal(SIGUSR1, SIG_IGN); signal(SIGRTMIN, SIG_IGN); sigpending(&pend); T(sigismember(&pend, SIGUSR1)); T(sigismember(&pend, SIGRTMIN)); raise(SIGUSR1); sigpending(&pend); T(sigismember(&pend, SIGUSR1)); signal(SIGCHLD, SIG_DFL); raise(SIGCHLD); sigpending(&pend); T(sigismember(&pend, SIGCHLD)); signal(SIGCHLD, SIG_DFL); sigpending(&pend); T(sigismember(&pend, SIGCHLD));
  /* stop signals and SIGCONT cancel each other */
  raise(SIGTSTP); raise(SIGTTIN); kill(getpid(), SIGCONT); sigpending(&pend); T(sigismember(&pend, SIGTSTP)); T(sigismember(&pend, SIGCONT)); raise(SIGTSTP); sigpending(&pend); T(sigismember(&pend, SIGTSTP)); T(sigismember(&pend, SIGCONT));
}
