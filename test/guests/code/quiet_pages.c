// Code that is written often, then left alone for a while, then written again.
#include "check.h"
typedef unsigned (*fn)(unsigned);
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }
int main(void) {
  unsigned char *p = mmap(0, 8192, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* mov eax, imm32; add eax, edi; ret, and the same with another operation. */
  static const unsigned char code[] = {0xb8, 0, 0, 0, 0, 0x01, 0xf8, 0xc3};
  unsigned long wrong = 0;
  for (int round = 0; round < 3; round++) {
    for (unsigned i = 0; i < 3000; i++) {
      unsigned char *q = p + (i & 31) * 64;
      memcpy(q, code, sizeof code);
      memcpy(q + 1, &i, 4);
      if (i % 7 == 0) q[5] = 0x29;
      if (((fn)q)(5) != (i % 7 ? i + 5 : i - 5)) wrong++;
    }
    double until = cpu() + 0.25;
    unsigned expected = ((fn)p)(1);
    while (cpu() < until)
      for (int i = 0; i < 20000; i++) if (((fn)p)(1) != expected) wrong++;
    for (unsigned i = 0; i < 5; i++) {
      p[1] = i; p[2] = p[3] = p[4] = 0; p[5] = i & 1 ? 0x29 : 0x01;
      if (((fn)p)(1) != (i & 1 ? i - 1 : i + 1)) wrong++;
      double soon = cpu() + (i == 2 ? 0.2 : 0);
      while (cpu() < soon);
    }
  }
  T(wrong);
  return 0;
}
