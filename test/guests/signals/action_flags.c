/* sigaction(2): every flag, refusals, what is reported back, masks inside handlers. */
#include "check.h"
static int depth, max_depth, calls, in_mask[65]; static volatile int again;
static void h(int s) { calls++; depth++; if (depth > max_depth) max_depth = depth; sigset_t m; sigprocmask(0, 0, &m); for (int k = 1; k < 65; k++) in_mask[k] = sigismember(&m, k); if (again-- > 0) raise(s); depth--; }
static void hi(int s, siginfo_t *i, void *u) { calls++; printf("siginfo %d code %d\n", i->si_signo, i->si_code); fflush(stdout); }
static void mask_text(const char *t) { printf("%s:", t); for (int k = 1; k < 65; k++) if (in_mask[k]) printf(" %d", k); printf("\n"); fflush(stdout); }
struct ksa { void *handler; unsigned long flags; void *restorer; unsigned long mask; };
int main(void) {
  struct sigaction a = {0}, o; T(sigaction(0, &a, 0)); T(sigaction(65, 0, &o)); T(sigaction(SIGKILL, &a, 0)); T(sigaction(SIGSTOP, &a, 0)); T(sigaction(SIGKILL, 0, &o)); IS(o.sa_handler == SIG_DFL); T(syscall(SYS_rt_sigaction, SIGUSR1, 8, 0, 8)); T(syscall(SYS_rt_sigaction, SIGUSR1, 0, 8, 8)); T(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4)); T(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 16));
  struct ksa k = {h, ~0ul, 0, ~0ul}, back; T(syscall(SYS_rt_sigaction, SIGRTMAX, &k, 0, 8)); T(syscall(SYS_rt_sigaction, SIGRTMAX, 0, &back, 8)); HEX(back.flags); HEX(back.mask);
  a.sa_handler = h; a.sa_flags = 0; sigemptyset(&a.sa_mask); sigaddset(&a.sa_mask, SIGUSR2); sigaddset(&a.sa_mask, SIGRTMIN + 5); sigaction(SIGUSR1, &a, 0); again = 2; raise(SIGUSR1); T(calls); T(max_depth); mask_text("plain"); calls = max_depth = 0;
  a.sa_flags = SA_NODEFER; sigaction(SIGUSR1, &a, 0); again = 2; raise(SIGUSR1); T(calls); T(max_depth); mask_text("nodefer"); calls = max_depth = 0;
  a.sa_flags = SA_NODEFER; sigaddset(&a.sa_mask, SIGUSR1); sigaction(SIGUSR1, &a, 0); again = 2; raise(SIGUSR1); T(calls); T(max_depth); mask_text("nodefer but in the mask"); calls = max_depth = 0;
  a.sa_flags = SA_RESETHAND; sigaction(SIGUSR1, &a, 0); again = 0; raise(SIGUSR1); sigaction(SIGUSR1, 0, &o); IS(o.sa_handler == SIG_DFL); mask_text("resethand"); HEX(o.sa_flags); 
  a.sa_sigaction = hi; a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART; sigaction(SIGUSR1, &a, 0); sigaction(SIGUSR1, 0, &o); HEX(o.sa_flags); raise(SIGUSR1); kill(getpid(), SIGUSR1);
  sigfillset(&a.sa_mask); a.sa_handler = h; a.sa_flags = 0; sigaction(SIGUSR1, &a, 0); sigaction(SIGUSR1, 0, &o); T(sigismember(&o.sa_mask, SIGKILL)); T(sigismember(&o.sa_mask, SIGSTOP)); raise(SIGUSR1); mask_text("full");
  sigset_t m; sigfillset(&m); T(sigprocmask(SIG_SETMASK, &m, 0)); sigprocmask(0, 0, &m); T(sigismember(&m, SIGKILL)); T(sigismember(&m, SIGSTOP)); sigemptyset(&m); T(sigprocmask(SIG_SETMASK, &m, 0)); T(syscall(SYS_rt_sigprocmask, 3, &m, 0, 8)); T(syscall(SYS_rt_sigprocmask, -1, 0, &m, 8)); T(syscall(SYS_rt_sigprocmask, 0, &m, 0, 4)); T(syscall(SYS_rt_sigprocmask, 0, 8, 0, 8)); T(syscall(SYS_rt_sigprocmask, 0, 0, 8, 8)); T(syscall(SYS_rt_sigpending, 8, 8)); T(syscall(SYS_rt_sigpending, &m, 16)); T(syscall(SYS_rt_sigsuspend, &m, 4)); T(syscall(SYS_rt_sigsuspend, 8, 8)); T(syscall(SYS_rt_sigtimedwait, 8, 0, 0, 8)); T(syscall(SYS_rt_sigtimedwait, &m, 0, 0, 4));
  struct timespec t = {0, 0}, neg = {-1, 0}, over = {0, 1000000000}; sigemptyset(&m); sigaddset(&m, SIGUSR2); T(sigtimedwait(&m, 0, &t)); T(sigtimedwait(&m, 0, &neg)); T(sigtimedwait(&m, 0, &over)); t.tv_nsec = 1000000; T(sigtimedwait(&m, 0, &t)); T(syscall(SYS_rt_sigtimedwait, &m, 0, 8, 8));
  sigaddset(&m, SIGRTMIN); sigprocmask(SIG_BLOCK, &m, 0); siginfo_t in; raise(SIGUSR2); union sigval v = {.sival_int = 77}; sigqueue(getpid(), SIGRTMIN, v); T(sigwaitinfo(&m, &in)); T(in.si_code); T(sigwaitinfo(&m, &in)); T(in.si_value.sival_int); T(in.si_code); raise(SIGUSR2); T(syscall(SYS_rt_sigtimedwait, &m, 8, 0, 8)); sigpending(&m); T(sigismember(&m, SIGUSR2));
}
