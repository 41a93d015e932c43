#include "../check.h"
#include <linux/membarrier.h>
#ifndef SYS_membarrier
#define SYS_membarrier 324
#endif
static long barrier(int command, unsigned flags) { return syscall(SYS_membarrier, command, flags, 0); }
static void child_of(void) { T(barrier(512, 0)); }
int main(void) {
  /* Bits 7 and 8 are those of rseq. */
  HEX(barrier(0, 0) & ~0x180);
  T(barrier(0, 1));
  T(barrier(512, 0));
  T(barrier(512, 1));
  T(barrier(8, 0));
  T(barrier(32, 0));
  T(barrier(2, 0));
  T(barrier(1, 0));
  T(barrier(16, 0));
  T(barrier(512, 0));
  T(barrier(8, 0));
  T(barrier(64, 0));
  T(barrier(512, 0));
  T(barrier(32, 0));
  T(barrier(4, 0));
  T(barrier(512, 0));
  T(barrier(3, 0));
  T(barrier(-1, 0));
  T(barrier(1024, 0));
  CHILD(child_of);
  return 0;
}
