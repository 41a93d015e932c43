/* enter with every nesting level: the frame that it builds, RSP and RBP (SDM vol. 2, ENTER). */
#include "check.h"
int main(void) {
  static uint64_t area[256];
#define ENTER(level, size)                                                                        \
  do {                                                                                            \
    for (int i = 0; i < 256; i++) area[i] = 0x1000 + i;                                           \
    uint64_t sp, bp;                                                                              \
    __asm__ volatile("push %%rbp\n mov %%rsp, %%r12\n lea %3, %%rsp\n lea %2, %%rbp\n"            \
                     "enter $" #size ", $" #level "\n mov %%rsp, %0\n mov %%rbp, %1\n mov %%r12, %%rsp\n pop %%rbp" \
                     : "=&r"(sp), "=&r"(bp) : "m"(area[128]), "m"(area[200]) : "r12", "memory");  \
    printf("enter %d, %d: rsp %ld rbp %ld\n", size, level, (long)(sp - (uint64_t)area), (long)(bp - (uint64_t)area)); \
    for (int i = 0; i < 256; i++)                                                                 \
      if (area[i] != 0x1000u + i)                                                                 \
        printf(" [%d] = %s%#lx\n", i, area[i] >= (uint64_t)area && area[i] < (uint64_t)(area + 256) ? "area+" : "", \
               (long)(area[i] >= (uint64_t)area && area[i] < (uint64_t)(area + 256) ? area[i] - (uint64_t)area : area[i])); \
  } while (0)
  ENTER(0, 0); ENTER(0, 64); ENTER(1, 0); ENTER(1, 48); ENTER(2, 0); ENTER(3, 16); ENTER(8, 8); ENTER(31, 32); ENTER(32, 0); ENTER(33, 0);
  uint64_t sp, bp;
  __asm__ volatile("push %%rbp\n mov %%rsp, %%r12\n lea %2, %%rbp\n mov %%rbp, %%rsp\n leave\n mov %%rsp, %0\n mov %%rbp, %1\n mov %%r12, %%rsp\n pop %%rbp"
                   : "=&r"(sp), "=&r"(bp) : "m"(area[100]) : "r12", "memory");
  printf("leave: rsp %ld rbp %#lx\n", (long)(sp - (uint64_t)area), (long)bp);
}
