/* Processor state that must not reach the kernel or the host: forged frames, x87, MXCSR, XSTATE. */
#include "attacks.h"
#include <cpuid.h>

static void (*forge)(ucontext_t *);
static u64 forged;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  forge(context);
}
static void with_frame(void (*how)(ucontext_t *), u64 value) {
  struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
  sigaction(SIGUSR1, &action, 0);
  forge = how;
  forged = value;
  raise(SIGUSR1);
  /* Back: state as it is now goes through the kernel some more times. */
  for (int n = 0; n < 3; n++) getppid();
}
#define GREG(c, n) (c)->uc_mcontext.gregs[n]
#define FORGE(name, code) \
  static void name##_frame(ucontext_t *c) { code; } \
  static void name(u64 value) { with_frame(name##_frame, value); }
FORGE(forge_rip, GREG(c, REG_RIP) = (greg_t)forged)
FORGE(forge_rsp, GREG(c, REG_RSP) = (greg_t)forged)
FORGE(forge_all, for (int n = REG_R8; n <= REG_RIP; n++) GREG(c, n) = (greg_t)forged)
FORGE(forge_segments, GREG(c, REG_CSGSFS) = (greg_t)forged)
FORGE(forge_flags, GREG(c, REG_EFL) = (greg_t)forged)
FORGE(forge_fpstate, c->uc_mcontext.fpregs = (void *)forged)
FORGE(forge_mxcsr, if (c->uc_mcontext.fpregs) c->uc_mcontext.fpregs->mxcsr = (u32)forged)
FORGE(forge_control, if (c->uc_mcontext.fpregs) { c->uc_mcontext.fpregs->cwd = (uint16_t)forged;
  c->uc_mcontext.fpregs->swd = 0xffff; c->uc_mcontext.fpregs->ftw = 0xffff; })
FORGE(forge_xstate, if (c->uc_mcontext.fpregs) { u64 *x = (u64 *)((u8 *)c->uc_mcontext.fpregs + 512);
  x[0] = forged; x[1] = forged >> 1; x[2] = forged; })
FORGE(forge_software, if (c->uc_mcontext.fpregs) { u32 *x = (u32 *)((u8 *)c->uc_mcontext.fpregs + 464);
  x[0] = 0x46505853; x[1] = (u32)forged; x[2] = (u32)forged; x[4] = (u32)forged; })
FORGE(forge_mask, memset(&c->uc_sigmask, 0xff, 8))
FORGE(forge_stack, c->uc_stack.ss_sp = (void *)forged; c->uc_stack.ss_size = 1 << 20; c->uc_stack.ss_flags = (int)forged)

/* rt_sigreturn with RSP anywhere. */
static void sigreturn_at(u64 p) {
  __asm__ volatile("mov %0,%%rsp\nmov $15,%%eax\nsyscall" : : "r"(p));
}
/* A signal on a stack that is not there. */
static void signal_at(u64 p) {
  struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGUSR1, &action, 0);
  long pid = getpid();
  __asm__ volatile("mov %0,%%rsp\nmov $62,%%eax\nmov $10,%%esi\nsyscall" : : "r"(p), "D"(pid) : "rax", "rsi", "rcx", "r11");
}
static void alternate_at(u64 p) {
  stack_t stack = { .ss_sp = (void *)p, .ss_size = 1 << 16 };
  struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  sigaltstack(&stack, 0);
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
}

static u64 FLAG_SETS[] = { 1 << 8, 1 << 14, 1 << 18, 1 << 16, 1 << 17, 3 << 12, 1 << 10, 1 << 21, 1 << 19, 1 << 9, ~0ull };
static void pop_flags(u64 flags) {
  __asm__ volatile("push %0\npopf\nnop\nnop\nmov $39,%%eax\nsyscall\nmov $24,%%eax\nsyscall" : : "r"(flags) : "rax", "rcx", "r11", "cc", "memory");
}
/* x87 and MXCSR as bad as can be, before calls that the kernel serves with arithmetic. */
static void full_x87(u64 pending) {
  unsigned short control = pending ? 0x0300 : 0x037f;
  u32 mxcsr = pending ? 0x0000 : 0xffbf;
  struct timespec t = { 0, 1000 };
  for (int n = 0; n < 20; n++) {
    for (int i = 0; i < 8; i++) __asm__ volatile("fld1");
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    if (pending) __asm__ volatile("fldcw %0\nfldz\nfdivrp" : : "m"(control));
    __asm__ volatile("std");
    syscall(SYS_nanosleep, &t, 0);
    syscall(SYS_clock_gettime, 1, &t);
    __asm__ volatile("cld");
  }
}
static u8 area[16384] __attribute__((aligned(64)));
static void restore_mask(u64 bit) {
  memset(area, 0, sizeof area);
  if (bit >= 64) {
    memset(area, 0xff, sizeof area);
    *(u32 *)(area + 24) = 0x1f80;
    memset(area + 512, 0, 64);
    *(u64 *)(area + 512) = ~0ull;
  } else *(u64 *)(area + 512) = 1ull << bit, *(u32 *)(area + 24) = 0x1f80;
  u64 mask = bit >= 64 ? ~0ull : 1ull << bit;
  __asm__ volatile("xrstor %0" : : "m"(area), "a"((u32)mask), "d"((u32)(mask >> 32)) : "memory");
  getppid();
  __asm__ volatile("xsave %0" : "=m"(area) : "a"((u32)mask), "d"((u32)(mask >> 32)) : "memory");
  __asm__ volatile("xsavec %0" : "=m"(area) : "a"(-1), "d"(-1) : "memory");
}
static void restore_at(u64 p) {
  __asm__ volatile("xrstor (%0)" : : "r"(p & ~63ull), "a"(-1), "d"(-1) : "memory");
}
static void save_at(u64 p) {
  __asm__ volatile("xsave (%0)" : : "r"(p & ~63ull), "a"(-1), "d"(-1) : "memory");
}

/* Instructions that only the host may run. */
#define PRIVILEGED(name, code) static void name(u64 p) { __asm__ volatile("mov %0,%%rax\nmov %0,%%rcx\nmov %0,%%rdx\n" code : : "r"(p) : "rax", "rcx", "rdx", "memory"); }
PRIVILEGED(write_gs_base, "wrgsbase %%rax\nmovq $-1,%%gs:0")
PRIVILEGED(write_fs_base, "wrfsbase %%rax\nmovq $-1,%%fs:0")
PRIVILEGED(move_gs, "mov %%eax,%%gs\nmovq $-1,%%gs:0")
PRIVILEGED(move_ds, "mov %%eax,%%ds\nmov %%eax,%%es\nmovq $-1,%%ds:(%%rax)")
PRIVILEGED(swap_gs, ".byte 0x0f,1,0xf8")
PRIVILEGED(set_xcr, "xor %%ecx,%%ecx\n.byte 0x0f,1,0xd1")
PRIVILEGED(write_pkru, "xor %%ecx,%%ecx\nxor %%edx,%%edx\n.byte 0x0f,1,0xef")
PRIVILEGED(halt, "hlt")
PRIVILEGED(interrupts_off, "cli")
PRIVILEGED(port, "out %%al,%%dx\nin %%dx,%%al")
PRIVILEGED(model_register, "wrmsr\nrdmsr")
PRIVILEGED(control_register, "mov %%rax,%%cr0")
PRIVILEGED(interrupt80, "mov $20,%%eax\nint $0x80")
PRIVILEGED(fast_enter, "sysenter")
PRIVILEGED(zero_line, ".byte 0x0f,1,0xfc")
PRIVILEGED(direct_store, ".byte 0x66,0x0f,0x38,0xf8,0")
static void set_gs(u64 p) {
  syscall(SYS_arch_prctl, 0x1001, p);
  __asm__ volatile("movq $-1,%gs:0\nmovq $-1,%gs:0x480000");
}
static void set_fs(u64 p) {
  __asm__ volatile("mov $158,%%eax\nmov $0x1002,%%edi\nmov %0,%%rsi\nsyscall\nmovq $-1,%%fs:0\nmovq $-1,%%fs:-0x100" : : "r"(p) : "rax", "rdi", "rsi", "rcx", "r11");
}

int main(void) {
  own_fill();
#define RUN(name) at_wild(#name, name);
  RUN(forge_rip) RUN(forge_rsp) RUN(forge_all) RUN(forge_segments) RUN(forge_fpstate) RUN(forge_mxcsr)
  RUN(forge_control) RUN(forge_xstate) RUN(forge_software) RUN(forge_mask) RUN(forge_stack)
  RUN(sigreturn_at) RUN(signal_at) RUN(alternate_at) RUN(restore_at) RUN(save_at)
  RUN(write_gs_base) RUN(write_fs_base) RUN(move_gs) RUN(move_ds) RUN(swap_gs) RUN(set_xcr)
  RUN(write_pkru) RUN(halt) RUN(interrupts_off) RUN(port) RUN(model_register) RUN(control_register)
  RUN(interrupt80) RUN(fast_enter) RUN(zero_line) RUN(direct_store) RUN(set_gs) RUN(set_fs)
  for (u32 n = 0; n < sizeof FLAG_SETS / 8; n++) {
    attempt(forge_flags, FLAG_SETS[n]);
    attempt(pop_flags, FLAG_SETS[n]);
  }
  neighbour("flags");
  attempt(full_x87, 0);
  attempt(full_x87, 1);
  neighbour("x87 before a call");
  for (u64 bit = 0; bit <= 64; bit++) attempt(restore_mask, bit);
  neighbour("xrstor with every mask bit");
  return 0;
}
