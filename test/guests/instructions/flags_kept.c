// AC and ID can be set and read back: how old programs tell a 486 from what came before and after.
#include "check.h"
static unsigned long with(unsigned long set) {
  unsigned long seen;
  __asm__ volatile("sub $256, %%rsp\n\tpushf\n\tor %1, (%%rsp)\n\tpopf\n\tnop\n\tlea 1(%%rax), %%rax\n\tpushf\n\tpop %0\n\tpushf\n\tandq $~0x240000, (%%rsp)\n\tpopf\n\tadd $256, %%rsp" : "=&r"(seen) : "r"(set) : "cc", "rax", "memory");
  return seen & 0x240000;
}
static unsigned long in_handler, in_frame;
static void handler(int s, siginfo_t *i, void *u) {
  __asm__ volatile("sub $256, %%rsp\n\tpushf\n\tpop %0\n\tadd $256, %%rsp" : "=r"(in_handler));
  in_frame = ((ucontext_t *)u)->uc_mcontext.gregs[REG_EFL];
  ((ucontext_t *)u)->uc_mcontext.gregs[REG_EFL] |= 0x40000;
}
int main(void) {
  HEX(with(0)); HEX(with(0x40000)); HEX(with(0x200000)); HEX(with(0x240000)); HEX(with(0));
  struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &a, 0);
  raise(SIGUSR1);
  unsigned long after;
  __asm__ volatile("sub $256, %%rsp\n\tpushf\n\tpop %0\n\tpushf\n\tandq $~0x40000, (%%rsp)\n\tpopf\n\tadd $256, %%rsp" : "=r"(after) : : "cc", "memory");
  HEX(in_handler & 0x40000); HEX(in_frame & 0x40000); HEX(after & 0x40000);
  return 0;
}
