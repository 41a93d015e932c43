// Runs the instruction sequences of a file, one after another, from equal states, and prints what each
// left: registers, flags, vectors, memory, or the signal with its siginfo and registers. Run natively
// and under Cloister; the outputs are compared.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#define DATA ((uint8_t *)0x10001000)
#define DATA_BYTES 0x4000
#define CODE ((uint8_t *)0x20000000)
#define CONTROL ((uint64_t *)0x30000000)

// gp 0–15, flags 16, rip 17, then xmm0–15
uint64_t in[18 + 32], out[18 + 32], saved_rsp, target;
uint32_t mxcsr = 0x1f80;
extern char back[], back_from_fault[];
void run_case(void);
static int sig, code;
static uint64_t address;

__asm__(".text\nrun_case:\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp,saved_rsp(%rip)\n lea 144+in(%rip),%rax\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movups 16*\\n(%rax),%xmm\\n\n .endr\n"
#ifdef AVX512
        "vzeroupper\n.irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n vpxord %zmm\\n,%zmm\\n,%zmm\\n\n .endr\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movups 16*\\n(%rax),%xmm\\n\n .endr\n"
        ".irp n,0,1,2,3,4,5,6,7\n kmovq 8*\\n+8(%rax),%k\\n\n .endr\n"
#endif
        "fninit\n .irp n,0,1,2,3,4,5,6,7\n movq 8*\\n+24(%rax),%mm\\n\n .endr\n emms\n"
        "push 128+in(%rip)\n popf\n"
        "mov in(%rip),%rax\n mov 8+in(%rip),%rcx\n mov 16+in(%rip),%rdx\n mov 24+in(%rip),%rbx\n"
        "mov 32+in(%rip),%rsp\n mov 40+in(%rip),%rbp\n mov 48+in(%rip),%rsi\n mov 56+in(%rip),%rdi\n"
        "mov 64+in(%rip),%r8\n mov 72+in(%rip),%r9\n mov 80+in(%rip),%r10\n mov 88+in(%rip),%r11\n"
        "mov 96+in(%rip),%r12\n mov 104+in(%rip),%r13\n mov 112+in(%rip),%r14\n mov 120+in(%rip),%r15\n"
        "jmp *target(%rip)\n"
        ".globl back\nback:\n"
        "mov %rax,out(%rip)\n mov %rcx,8+out(%rip)\n mov %rdx,16+out(%rip)\n mov %rbx,24+out(%rip)\n"
        "mov %rsp,32+out(%rip)\n mov %rbp,40+out(%rip)\n mov %rsi,48+out(%rip)\n mov %rdi,56+out(%rip)\n"
        "mov %r8,64+out(%rip)\n mov %r9,72+out(%rip)\n mov %r10,80+out(%rip)\n mov %r11,88+out(%rip)\n"
        "mov %r12,96+out(%rip)\n mov %r13,104+out(%rip)\n mov %r14,112+out(%rip)\n mov %r15,120+out(%rip)\n"
        "mov saved_rsp(%rip),%rsp\n pushf\n pop %rax\n mov %rax,128+out(%rip)\n lea 144+out(%rip),%rax\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movups %xmm\\n,16*\\n(%rax)\n .endr\n"
        ".globl back_from_fault\nback_from_fault:\n"
        "mov saved_rsp(%rip),%rsp\n cld\n fninit\n ldmxcsr mxcsr(%rip)\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

static void handler(int s, siginfo_t *i, void *u) {
  static const int order[17] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,
                                REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_EFL};
  greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
  sig = s, code = i->si_code, address = (uint64_t)i->si_addr;
  for (int n = 0; n < 17; n++) out[n] = g[order[n]];
  out[16] &= 0xcd5; // RF differs by how a fault came about
  out[17] = g[REG_RIP] - (uint64_t)CODE;
  g[REG_RIP] = (greg_t)back_from_fault;
  g[REG_EFL] &= ~0x400;
}

static uint64_t state = 88172645463325252;
static uint64_t next(void) { state ^= state << 13, state ^= state >> 7, state ^= state << 17; return state; }
static uint64_t hash(uint64_t h, const void *p, size_t n) {
  for (const uint64_t *q = p; n >= 8; n -= 8) h = (h ^ *q++) * 0x9e3779b97f4a7c15, h ^= h >> 29;
  return h;
}

int main(int argc, char **argv) {
  // Else a stray pointer just below 4 GiB would make the stack of a guest grow.
  setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 16, 1 << 16});
  int fd = open(argv[1], O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) return 1;
  uint32_t *file = mmap(0, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  // cases, then for each the offset of its code; the code itself is a multiple of 4096 from the start
  uint32_t cases = file[0], codeAt = file[1];
  mmap(CODE, st.st_size - codeAt, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
  memcpy(CODE, (char *)file + codeAt, st.st_size - codeAt);
  mprotect(CODE, st.st_size - codeAt, PROT_READ | PROT_EXEC);
  mmap(DATA, DATA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
  mmap(CONTROL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
  CONTROL[0] = (uint64_t)back;
  stack_t alt = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
  sigaltstack(&alt, 0);
  struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (int n = 0; n < 5; n++) sigaction((int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}[n], &a, 0);
  static const uint64_t edges[8] = {0, 1, -1, 0x7fffffffffffffff, 0x8000000000000000, 0x7f, 0x80000000, 0x10002000};
  for (uint32_t n = 0; n < cases; n++) {
    for (int k = 0; k < DATA_BYTES / 8; k++) ((uint64_t *)DATA)[k] = next();
    for (int k = 0; k < 50; k++) in[k] = next() & 3 ? next() : edges[next() & 7];
    in[1] = next() % 300, in[4] = (uint64_t)DATA + 0x2000 + next() % 64 * 8, in[12] = (uint64_t)DATA + 0x1000;
    in[5] = in[4] + 64, in[6] = (uint64_t)DATA + next() % DATA_BYTES, in[7] = (uint64_t)DATA + next() % DATA_BYTES;
    in[16] = (next() & 0x8d5) | 0x202 | (next() % 8 ? 0 : 0x400);
    memset(out, 0, sizeof out);
    sig = code = 0, address = 0, target = (uint64_t)CODE + file[2 + n];
    run_case();
    uint64_t h = hash(sig, out, sizeof out);
    printf("%u %d %d %lx %lx %lx %lx\n", n, sig, code, address, out[16], h, hash(0, DATA, DATA_BYTES));
  }
}
