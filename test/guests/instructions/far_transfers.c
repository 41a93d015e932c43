/* Far returns and jumps, iret: what a 64-bit program can do with its own selectors, and what not. */
#include "trap.h"
static unsigned cs(void) { unsigned v; __asm__("mov %%cs, %0" : "=r"(v)); return v; }
static unsigned ss(void) { unsigned v; __asm__("mov %%ss, %0" : "=r"(v)); return v; }
int main(void) {
  trap_install();
  HEX(cs());
  HEX(ss());
  unsigned v;
  __asm__("mov %%ds, %0" : "=r"(v)); HEX(v);
  __asm__("mov %%es, %0" : "=r"(v)); HEX(v);
  __asm__("mov %%fs, %0" : "=r"(v)); HEX(v);
  __asm__("mov %%gs, %0" : "=r"(v)); HEX(v);
  long r = 0;
  __asm__ volatile("push $0x33\n lea 1f(%%rip), %%rax\n push %%rax\n lretq\n 1: mov $7, %0" : "=r"(r)::"rax", "memory");
  T(r);
  r = 0;
  __asm__ volatile("mov %%rsp, %%rdx\n push $0x2b\n push %%rdx\n pushfq\n push $0x33\n lea 1f(%%rip), %%rax\n push %%rax\n iretq\n 1: mov $8, %0" : "=r"(r)::"rax", "rdx", "memory");
  T(r);
  RUN("retf 0x2b", 0x6a, 0x2b, 0x6a, 0x00, 0x48, 0xcb);
  RUN("retf null selector", 0x6a, 0x00, 0x6a, 0x00, 0x48, 0xcb);
  RUN("retf kernel selector", 0x6a, 0x10, 0x6a, 0x00, 0x48, 0xcb);
  RUN("retf wild selector", 0x68, 0x34, 0x12, 0, 0, 0x6a, 0x00, 0x48, 0xcb);
  RUN("iretq null cs", 0x6a, 0x2b, 0x54, 0x9c, 0x6a, 0x00, 0x6a, 0x00, 0x48, 0xcf);
  RUN("ljmp null", 0x6a, 0x00, 0x6a, 0x00, 0xff, 0x2c, 0x24);
  RUN("lcall null", 0x6a, 0x00, 0x6a, 0x00, 0xff, 0x1c, 0x24);
  RUN("ljmp register", 0xff, 0xe8);
}
