/* A handler edits its context: registers, RIP, flags, mask, vectors, x87; what sigreturn takes and refuses. */
#include "check.h"
#include <immintrin.h>
static int mode; static volatile int hits; extern char after_fault[], resume_here[];
static void h(int s, siginfo_t *i, void *u) { ucontext_t *c = u; greg_t *g = c->uc_mcontext.gregs; hits++;
  switch (mode) {
    case 0: g[REG_RIP] = (long)after_fault; g[REG_RAX] = 1234; break;
    case 1: for (int r = REG_R8; r <= REG_R15; r++) g[r] = 0x1000 + r; break;
    case 2: g[REG_EFL] |= 0x8d5; break;
    case 3: sigaddset(&c->uc_sigmask, SIGUSR2); break;
    case 4: for (int r = 0; r < 4; r++) c->uc_mcontext.fpregs->_xmm[3].element[r] = 0x11111111 * (r + 1); break;
    case 5: c->uc_mcontext.fpregs->mxcsr = 0x3f80; c->uc_mcontext.fpregs->cwd = 0x27f; break;
    case 6: g[REG_EFL] |= 0x200000 | 0x4000; break;
    case 7: sigdelset(&c->uc_sigmask, SIGUSR2); break;
    case 8: c->uc_mcontext.fpregs->mxcsr = 0xffffffff; break;
    case 9: c->uc_mcontext.fpregs = 0; break;
    case 10: g[REG_RSP] = 0; break;
    case 11: g[REG_RIP] = 0; break;
    case 12: c->uc_mcontext.fpregs = (void *)8; break;
    case 13: c->uc_mcontext.fpregs = (void *)((char *)c->uc_mcontext.fpregs + 1); break;
    case 14: g[REG_RSP] = 0x800000000000; break;
    case 15: g[REG_RIP] = 0xdead000000000000; break;
    case 16: *(unsigned short *)((char *)&g[REG_CSGSFS]) = 0x10; break;
  } }
static void kill_in(int m) { mode = m; signal(SIGSEGV, SIG_DFL); struct rlimit r = {0, 0}; setrlimit(RLIMIT_CORE, &r); raise(SIGUSR1); puts("survived"); }
static void die(int m) { mode = m; signal(SIGSEGV, SIG_DFL); raise(SIGUSR1); puts("survived"); }
static void m8(void) { kill_in(8); } static void m9(void) { __asm__ volatile("fldpi"); kill_in(9); unsigned short sw; __asm__ volatile("fnstsw %0" : "=m"(sw)); HEX(sw); } static void m10(void) { die(10); } static void m11(void) { die(11); } static void m12(void) { kill_in(12); } static void m13(void) { kill_in(13); } static void m14(void) { die(14); } static void m15(void) { die(15); } static void m16(void) { kill_in(16); }
static void bare(void) { signal(SIGSEGV, SIG_DFL); syscall(SYS_rt_sigreturn); puts("back"); }
int main(void) {
  struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &a, 0); sigaction(SIGSEGV, &a, 0); sigset_t none, m; sigemptyset(&none);
  long v = 0; __asm__ volatile("xor %%eax, %%eax\n mov %%eax, (%%rax)\n after_fault: mov %%rax, %0" : "=r"(v)::"rax", "memory"); T(v); T(hits);
  mode = 1; long regs[8]; __asm__ volatile("mov $62, %%eax\n mov %2, %%edi\n mov $10, %%esi\n syscall\n mov %%r8, (%1)\n mov %%r9, 8(%1)\n mov %%r10, 16(%1)\n mov %%r12, 32(%1)\n mov %%r13, 40(%1)\n mov %%r14, 48(%1)\n mov %%r15, 56(%1)" : "=m"(regs) : "b"(regs), "r"(getpid()) : "rax", "rcx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory"); for (int k = 0; k < 8; k++) if (k != 3) HEX(regs[k]);
  mode = 2; unsigned long f; __asm__ volatile("mov $62, %%eax\n mov %1, %%edi\n mov $10, %%esi\n xor %%edx, %%edx\n syscall\n pushfq\n pop %0" : "=r"(f) : "r"(getpid()) : "rax", "rcx", "rdi", "rsi", "rdx", "r11", "memory"); HEX(f & 0xcd5);
  mode = 3; raise(SIGUSR1); sigprocmask(0, 0, &m); T(sigismember(&m, SIGUSR2)); mode = 7; raise(SIGUSR1); sigprocmask(0, 0, &m); T(sigismember(&m, SIGUSR2));
  mode = 4; int x[4]; __asm__ volatile("pxor %%xmm3, %%xmm3\n mov $62, %%eax\n mov %1, %%edi\n mov $10, %%esi\n syscall\n movdqu %%xmm3, %0" : "=m"(x) : "r"(getpid()) : "rax", "rcx", "rdi", "rsi", "r11", "xmm3", "memory"); bytes("xmm3", x, 16);
  mode = 5; raise(SIGUSR1); unsigned mx; unsigned short cw; __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mx), "=m"(cw)); HEX(mx); HEX(cw); mx = 0x1f80; cw = 0x37f; __asm__ volatile("ldmxcsr %0\n fldcw %1" : : "m"(mx), "m"(cw));
  mode = 6; raise(SIGUSR1); __asm__ volatile("pushfq\n pop %0" : "=r"(f)); HEX(f & 0x4000); 
  CHILD(m8); CHILD(m9); CHILD(m10); CHILD(m11); CHILD(m12); CHILD(m13); CHILD(m15); CHILD(m16); CHILD(bare);
}
