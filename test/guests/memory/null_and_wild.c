#include "check.h"
#include <setjmp.h>
static sigjmp_buf env; static siginfo_t info;
static void h(int s, siginfo_t *i, void *u) { info = *i; siglongjmp(env, s); }
#define TRY(what) do { int r = sigsetjmp(env, 1); if (!r) { what; printf("%s fine\n", #what); } else printf("%s: signal %d code %d addr %p\n", #what, r, info.si_code, info.si_addr); fflush(stdout); } while (0)
static void dead(void) { *(volatile int *)0 = 1; }
static void jump0(void) { ((void (*)(void))0)(); }
int main(void) {
  struct sigaction x = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_NODEFER}; sigaction(SIGSEGV, &x, 0); sigaction(SIGBUS, &x, 0); volatile int v; TRY(v = *(volatile int *)0); TRY(v = *(volatile int *)8); TRY(*(volatile char *)0xfff = 1); TRY(v = *(volatile long *)0x8000000000000000); TRY(((void (*)(void))0)()); TRY(((void (*)(void))0x1234)()); TRY(*(volatile int *)(-8l) = 1); signal(SIGSEGV, SIG_DFL); CHILD(dead); CHILD(jump0);
}
