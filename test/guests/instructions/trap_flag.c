#include "check.h"
static volatile int steps; static void h(int s, siginfo_t *i, void *u) { ucontext_t *c = u; if (++steps == 10) c->uc_mcontext.gregs[REG_EFL] &= ~0x100; }
int main(void) { struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO}; sigaction(SIGTRAP, &a, 0); unsigned long x = 0; __asm__ volatile("sub $128,%%rsp\n pushf\n orq $0x100, (%%rsp)\n popf\n inc %0\n inc %0\n inc %0\n add $5, %0\n nop\n nop\n inc %0\n nop\n nop\n nop\n nop\n add $128,%%rsp" : "+r"(x)::"cc", "memory"); T(x); T(steps); }
