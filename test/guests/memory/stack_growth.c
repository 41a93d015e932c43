#include "check.h"
static int deep(int n) { volatile char b[4096]; b[0] = n; return n ? deep(n - 1) + b[0] * 0 : 0; }
static void big(void) { T(deep(1500)); }
static void forever(void) { deep(1 << 30); }
static char alt[65536];
static void h(int s, siginfo_t *i, void *u) { printf("signal %d code %d on alternate stack\n", s, i->si_code); fflush(stdout); _exit(7); }
static void handled(void) { stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt}; sigaltstack(&ss, 0); struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_ONSTACK}; sigaction(SIGSEGV, &a, 0); forever(); }
int main(void) { CHILD(big); CHILD(forever); CHILD(handled); struct rlimit r = {1 << 20, 1 << 20}; T(setrlimit(RLIMIT_STACK, &r)); CHILD(big); }
