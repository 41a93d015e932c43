#include "../check.h"
/* The number of a system call is the lower half of rax, as a signed int. */
static long call(unsigned long rax) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(rax), "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory");
  return result;
}
int main(void) {
  IS(call(0x100000000UL | SYS_getpid) == getpid());
  IS(call(0xffffffff00000000UL | SYS_getpid) == getpid());
  IS(call(-1UL) == -ENOSYS);
  IS(call(0x00000000ffffffffUL) == -ENOSYS);
  IS(call(0x8000000000000fffUL) == -ENOSYS);
  return 0;
}
