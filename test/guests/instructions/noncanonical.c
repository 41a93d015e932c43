/* Addresses that are not canonical and addresses of the kernel: which signal, code, address, error. */
#include "trap.h"
static volatile long sink;
#define ACCESS(name, statement) do { if (sigsetjmp(trap_env, 1) == 0) { statement; printf("%s: went on\n", name); } else { if (trap.rip > 0x10000) trap.rip = 1; trap_print(name); } } while (0)
int main(void) {
  trap_install();
  static const unsigned long wild[] = {0x0000800000000000, 0x8000000000000000, 0xdeadbeefdeadbeef, 0xffff700000000000, 0xffff800000000000, 0xffffffff80000000, 0xfffffffffffff000, 0x7ffffffff000, 0x10, 0};
  for (int i = 0; i < 10; i++) {
    volatile char *p = (char *)wild[i];
    char name[64];
    sprintf(name, "read %lx", wild[i]); ACCESS(name, sink = *p);
    sprintf(name, "write %lx", wild[i]); ACCESS(name, *p = 1);
    sprintf(name, "call %lx", wild[i]); if (sigsetjmp(trap_env, 1) == 0) ((void (*)(void))p)(); else { long ip = trap.rip; if (trap.trapno != 14) trap.rip = 1; trap_print(name); }
    sprintf(name, "lock inc %lx", wild[i]); ACCESS(name, __asm__ volatile("lock incl (%0)" ::"r"(p) : "memory"));
    sprintf(name, "push [%lx]", wild[i]); ACCESS(name, __asm__ volatile("push (%0)\n pop %%rax" ::"r"(p) : "memory", "rax"));
    sprintf(name, "movs from %lx", wild[i]); ACCESS(name, ({ long c = 1, d = (long)&sink; __asm__ volatile("rep movsb" : "+c"(c), "+D"(d) : "S"(p) : "memory"); }));
    sprintf(name, "stos to %lx", wild[i]); ACCESS(name, ({ long c = 1, d = (long)p; __asm__ volatile("rep stosb" : "+c"(c), "+D"(d) : "a"(0) : "memory"); }));
    sprintf(name, "sse read %lx", wild[i]); ACCESS(name, __asm__ volatile("movdqu (%0), %%xmm0" ::"r"(p) : "xmm0"));
    sprintf(name, "rbp-based %lx", wild[i]); ACCESS(name, __asm__ volatile("push %%rbp\n mov %0, %%rbp\n movb (%%rbp), %%al\n pop %%rbp" ::"r"(p) : "rax"));
    sprintf(name, "prefetch %lx", wild[i]); ACCESS(name, __asm__ volatile("prefetcht0 (%0)" ::"r"(p)));
    sprintf(name, "rsp %lx", wild[i]); ACCESS(name, __asm__ volatile("mov %0, %%rsp\n push %%rax\n" ::"r"(p)));
    sprintf(name, "pop at %lx", wild[i]); ACCESS(name, __asm__ volatile("mov %0, %%rsp\n pop %%rax\n" ::"r"(p) : "rax"));
  }
}
