#include "check.h"
#include <setjmp.h>
static int depth, log_[64], n; static void h(int s) { log_[n++] = s * 10 + depth++; if (depth < 5) raise(s); depth--; }
static jmp_buf env; static sigjmp_buf senv; static void j(int s) { longjmp(env, 1); } static void sj(int s) { siglongjmp(senv, 1); }
int main(void) { struct sigaction a = {.sa_handler = h, .sa_flags = SA_NODEFER}; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); for (int i = 0; i < n; i++) T(log_[i]); n = 0; a.sa_flags = 0; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); T(n); for (int i = 0; i < n; i++) T(log_[i]); sigset_t m; signal(SIGUSR2, j); if (!setjmp(env)) raise(SIGUSR2); sigprocmask(0, 0, &m); IS(sigismember(&m, SIGUSR2)); signal(SIGHUP, sj); if (!sigsetjmp(senv, 1)) raise(SIGHUP); sigprocmask(0, 0, &m); IS(!sigismember(&m, SIGHUP)); }
