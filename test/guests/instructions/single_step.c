/* A program that sets TF itself: SIGTRAP behind each instruction, TRAP_TRACE, trap number 1. */
#include "check.h"
static volatile int count; static volatile long ips[64]; static volatile int codes[64], stop_after = 1000; static volatile long flags0, addr_ok = 1;
static void h(int s, siginfo_t *i, void *u) {
  greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
  if (count < 64) { ips[count] = g[REG_RIP]; codes[count] = i->si_code; }
  if ((long)i->si_addr != g[REG_RIP]) addr_ok = 0;
  if (count == 0) flags0 = g[REG_EFL] & 0x100;
  count++;
  if (count >= stop_after) g[REG_EFL] &= ~0x100L;
}
extern char start1[], end1[];
int main(void) {
  struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &a, 0);
  long x = 0;
  __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n start1: nop\n inc %0\n add $2, %0\n xchg %0, %0\n pushfq\n andl $~0x100, (%%rsp)\n popfq\n end1: nop" : "+r"(x)::"cc", "memory");
  T(x); T(count); HEX(flags0); IS(addr_ok);
  for (int i = 0; i < count && i < 64; i++) printf("at %ld code %d\n", ips[i] - (long)start1, codes[i]);
  count = 0;
  __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n call 1f\n jmp 2f\n 1: ret\n 2: mov $3, %%ecx\n 3: loop 3b\n pushfq\n andl $~0x100, (%%rsp)\n popfq\n" ::: "cc", "memory", "rcx");
  printf("calls and loops: %d\n", count);
  count = 0; char src[8] = "abcdefg", dst[8];
  __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n rep movsb\n pushfq\n andl $~0x100, (%%rsp)\n popfq\n" : : "S"(src), "D"(dst), "c"(8L) : "cc", "memory");
  printf("rep movsb: %d %s\n", count, dst);
  count = 0; stop_after = 3;
  __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n nop\n nop\n nop\n nop\n nop\n" ::: "cc", "memory");
  printf("handler cleared it: %d\n", count);
  count = 0; stop_after = 1000; long pid = 0;
  __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n mov $39, %%eax\n syscall\n mov %%rax, %0\n pushfq\n andl $~0x100, (%%rsp)\n popfq\n" : "=r"(pid)::"cc", "memory", "rax", "rcx", "r11");
  IS(pid == getpid()); IS(count >= 5);
  child("default", ({ void f(void) { signal(SIGTRAP, SIG_DFL); __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n nop\n nop" ::: "cc", "memory"); } f; }));
}
