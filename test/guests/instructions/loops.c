/* loop, loope, loopne, jrcxz and jecxz with 64- and 32-bit counters; flags stay as they are. */
#include "check.h"
#define COUNT(name, prefix, instruction, rcx0, zf)                                                 \
  do {                                                                                             \
    uint64_t c = rcx0, n = 0, f;                                                                  \
    __asm__ volatile("1: inc %1\n cmp $5, %1\n jge 2f\n cmp %3, %3\n test %4, %4\n" prefix instruction " 1b\n 2: pushfq\n pop %2" \
                     : "+c"(c), "+r"(n), "=&r"(f) : "r"(0L), "r"((uint64_t)(zf)) : "cc", "memory");           \
    printf("%s rcx %#lx: rounds %ld rcx %#lx\n", name, (long)(rcx0), (long)n, (long)c);            \
  } while (0)
#define JZ(name, prefix, rcx0)                                                                     \
  do {                                                                                             \
    uint64_t c = rcx0, taken = 0;                                                                  \
    __asm__ volatile(prefix "jrcxz 1f\n jmp 2f\n 1: mov $1, %1\n 2:" : "+c"(c), "+r"(taken));      \
    printf("%s rcx %#lx: %s rcx %#lx\n", name, (long)(rcx0), taken ? "taken" : "not taken", (long)c); \
  } while (0)
int main(void) {
  static const uint64_t counts[] = {1, 2, 3, 0x100000001, 0x100000002, 0xffffffff00000001};
  for (int i = 0; i < 6; i++) {
    uint64_t k = counts[i];
    COUNT("loop", "", "loop", k, 0);
    COUNT("loop addr32", ".byte 0x67\n", "loop", k, 0);
    COUNT("loope", "", "loope", k, 0);
    COUNT("loope nz", "", "loope", k, 1);
    COUNT("loope addr32", ".byte 0x67\n", "loope", k, 0);
    COUNT("loopne", "", "loopne", k, 1);
    COUNT("loopne z", "", "loopne", k, 0);
    COUNT("loopne addr32", ".byte 0x67\n", "loopne", k, 1);
  }
  static const uint64_t zeros[] = {0, 1, 0x100000000, 0xffffffff};
  for (int i = 0; i < 4; i++) { JZ("jrcxz", "", zeros[i]); JZ("jecxz", ".byte 0x67\n", zeros[i]); }
  uint64_t f0, f1, c = 0x100000005;
  __asm__ volatile("stc\n pushfq\n pop %1\n 1: .byte 0x67\n loop 1b\n pushfq\n pop %2" : "+c"(c), "=r"(f0), "=r"(f1)::"cc");
  HEX(c); IS(f0 == f1);
}
