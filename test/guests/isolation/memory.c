/* Every way to name memory, at addresses that are not the guest's. */
#include "attacks.h"
#include <immintrin.h>

#define MEMORY(name, code, ...) static void name(u64 p) { __asm__ volatile(code : : "r"(p) : "memory", "cc", ##__VA_ARGS__); }
MEMORY(load, "mov (%0),%%rax", "rax")
MEMORY(store, "movq $-1,(%0)")
MEMORY(store_disp8, "movq $-1,-128(%0)")
MEMORY(store_disp32, "movq $-1,-0x480000(%0)")
MEMORY(store_index, "mov $1,%%eax\nmovq $-1,(%0,%%rax,8)", "rax")
MEMORY(store_index_only, "shr $3,%0\nmovq $-1,(,%0,8)")
MEMORY(store_negative_index, "mov $-1,%%rax\nmovq $-1,8(%0,%%rax,8)", "rax")
MEMORY(add_to, "lock addq $1,(%0)")
MEMORY(exchange, "xchg %%rax,(%0)", "rax")
MEMORY(compare16, "lock cmpxchg16b (%0)", "rax", "rdx")
MEMORY(bit_set, "mov $-1,%%rax\nbts %%rax,(%0)", "rax")
MEMORY(bit_set_far, "mov $0x7ffffffffffff,%%rax\nbts %%rax,(%0)", "rax")
MEMORY(push_memory, "pushq (%0)\npop %%rax", "rax")
MEMORY(pop_memory, "pushq $-1\npopq (%0)")
MEMORY(fs_relative, "movq $-1,%%fs:(%0)")
MEMORY(gs_relative, "movq $-1,%%gs:(%0)")
MEMORY(vector_store, "vmovups %%ymm0,(%0)", "xmm0")
MEMORY(masked_store, "mov %0,%%rdi\npcmpeqd %%xmm0,%%xmm0\nmaskmovdqu %%xmm0,%%xmm0", "rdi", "xmm0")
MEMORY(translate, "mov %0,%%rbx\nmov $255,%%eax\nxlat", "rax", "rbx")
MEMORY(gather, "vmovq %0,%%xmm1\nvpbroadcastq %%xmm1,%%ymm1\nvpcmpeqd %%ymm2,%%ymm2,%%ymm2\nvpgatherqq %%ymm2,(,%%ymm1,1),%%ymm0", "xmm0", "xmm1", "xmm2")
MEMORY(save_fx, "and $-16,%0\nfxsave64 (%0)")
MEMORY(restore_fx, "and $-16,%0\nfxrstor64 (%0)")
MEMORY(x87_save, "fnsave (%0)")
MEMORY(x87_store, "fld1\nfstpt (%0)")
MEMORY(prefetch, "prefetchw (%0)\nprefetcht0 (%0)\nclflush (%0)")
MEMORY(non_temporal, "movnti %%rax,(%0)", "rax")
MEMORY(address32, ".byte 0x67\nmovq $-1,(%%rax)" , "rax")
/* RSP as a pointer. */
MEMORY(stack_push, "mov %0,%%rsp\npush %%rax\npush %%rax")
MEMORY(stack_pop, "mov %0,%%rsp\npop %%rax\npop %%rcx", "rax", "rcx")
MEMORY(stack_call, "mov %0,%%rsp\ncall 1f\n1:\n")
MEMORY(stack_return, "mov %0,%%rsp\nret")
MEMORY(stack_flags, "mov %0,%%rsp\npushf\npopf")
MEMORY(stack_enter, "mov %0,%%rsp\nmov %0,%%rbp\nenter $0xfff0,$31")
MEMORY(stack_leave, "mov %0,%%rbp\nleave")
MEMORY(stack_trap, "mov %0,%%rsp\nint3\nud2")
MEMORY(stack_syscall, "mov %0,%%rsp\nmov $39,%%eax\nsyscall\nmov $24,%%eax\nsyscall", "rax", "rcx", "r11")
/* String instructions from there, in both directions, without end. */
MEMORY(fill_up, "mov %0,%%rdi\nmov $-1,%%rcx\ncld\nrep stosb", "rdi", "rcx")
MEMORY(fill_down, "mov %0,%%rdi\nmov $-1,%%rcx\nstd\nrep stosb", "rdi", "rcx")
MEMORY(fill_quads, "mov %0,%%rdi\nmov $-1,%%rcx\ncld\nrep stosq", "rdi", "rcx")
MEMORY(copy_to, "mov %0,%%rdi\nmov %%rsp,%%rsi\nmov $-1,%%rcx\nrep movsb", "rdi", "rsi", "rcx")
MEMORY(copy_from, "mov %0,%%rsi\nlea -4096(%%rsp),%%rdi\nmov $512,%%ecx\nrep movsq", "rdi", "rsi", "rcx")
MEMORY(copy_down, "mov %0,%%rdi\nmov %%rsp,%%rsi\nmov $-1,%%rcx\nstd\nrep movsq", "rdi", "rsi", "rcx")
MEMORY(compare, "mov %0,%%rdi\nmov %0,%%rsi\nmov $-1,%%rcx\nrepe cmpsb", "rdi", "rsi", "rcx")
MEMORY(scan, "mov %0,%%rdi\nmov $-1,%%rcx\nmov $0x5a,%%al\nrepne scasb", "rdi", "rcx", "rax")
MEMORY(load_string, "mov %0,%%rsi\nmov $-1,%%rcx\nrep lodsq", "rsi", "rcx", "rax")

#define EACH(X) X(load) X(store) X(store_disp8) X(store_disp32) X(store_index) X(store_index_only) \
  X(store_negative_index) X(add_to) X(exchange) X(compare16) X(bit_set) X(bit_set_far) \
  X(push_memory) X(pop_memory) X(fs_relative) X(gs_relative) X(vector_store) X(masked_store) \
  X(translate) X(gather) X(save_fx) X(restore_fx) X(x87_save) X(x87_store) X(prefetch) \
  X(non_temporal) X(address32) X(stack_push) X(stack_pop) X(stack_call) X(stack_return) \
  X(stack_flags) X(stack_enter) X(stack_leave) X(stack_trap) X(stack_syscall) X(fill_up) \
  X(fill_down) X(fill_quads) X(copy_to) X(copy_from) X(copy_down) X(compare) X(scan) X(load_string)

/* From the first byte that can be mapped downwards, and over the last one upwards. */
static void over_the_start(u64 direction) {
  u8 *first = mmap((void *)0x10000, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (first == MAP_FAILED) _exit(1);
  if (direction) __asm__ volatile("std\nrep stosb" : : "D"(first), "c"(-1l), "a"(0) : "memory");
  else __asm__ volatile("std\nrep movsq" : : "D"(first), "S"(first + 8), "c"(-1l) : "memory");
}
static void over_the_end(u64 wide) {
  u8 *last = mmap((void *)0xfffef000, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (last == MAP_FAILED) _exit(1);
  if (wide) __asm__ volatile("rep stosq" : : "D"(last + 8), "c"(-1l), "a"(0) : "memory");
  else __asm__ volatile("rep stosb" : : "D"(last), "c"(-1l), "a"(0) : "memory");
}
static void straddle(u64 n) {
  u8 *last = mmap((void *)0xfffef000, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (last == MAP_FAILED) _exit(1);
  __asm__ volatile("vmovups %%ymm0,(%0)" : : "r"(last + 4096 - n) : "memory");
}

int main(void) {
  own_fill();
#define RUN(name) at_wild(#name, name);
  EACH(RUN)
  printf("down from the first page: %x %x\n", attempt(over_the_start, 0), attempt(over_the_start, 1));
  printf("up from the last page: %x %x\n", attempt(over_the_end, 0), attempt(over_the_end, 1));
  for (u64 n = 1; n < 32; n += 10) printf("over the end by %u: %x\n", (u32)n, attempt(straddle, n));
  neighbour("the ends of the space");
  return 0;
}
