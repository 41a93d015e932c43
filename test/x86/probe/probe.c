/*
 * Runs single instructions on the processor and tells what they touched: registers, flags and
 * memory changed, registers and flags that the outcome depends on, faults. Cases on standard input,
 * results on standard output, both as the structures below. Used by facts.test.ts.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define DATA 0x10001000ul /* two pages, a guard on either side */
#define DATA_SIZE 0x2000ul
#define CODE 0x20000000ul

struct test {
  uint8_t code[16];
  uint32_t length;
  uint32_t seed;
  uint64_t gp[16];
  /* Vector register whose 32- or 64-bit elements must be small (an index), or -1. */
  int32_t index;
  int32_t index_bits;
  /* 0: run; 1: find out on what the outcome depends, too; 2: measure the length only. */
  uint32_t mode;
  uint32_t flags; /* initial status flags and DF */
};

struct result {
  int32_t signal;
  uint32_t gp_changed, vec_changed, mask_changed, flags_changed, x87_changed;
  uint32_t gp_read, vec_read, mask_read, flags_read, flags_kept;
  uint64_t fault_address;
  int32_t first_byte, last_byte; /* of the data pages that changed; -1: none */
};

static uint8_t xin[8192] __attribute__((aligned(64)));
static uint8_t xout[8192] __attribute__((aligned(64)));
static uint32_t offset_avx, offset_mask, offset_hi256, offset_hi16;
/* Of the state only what is compared: AMX alone would take 8 KiB. */
uint8_t *xin_pointer = xin, *xout_pointer = xout;
uint64_t in_gp[16], in_flags, out_gp[16], out_flags, saved_rsp, entry = CODE;
static volatile int got_signal;
static volatile uint64_t got_address, got_rip;
void run(void);
void back(void);

__asm__(
    ".text\n.globl run\nrun:\n"
    "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp, saved_rsp(%rip)\n"
    "mov $0xe7, %eax\nxor %edx, %edx\nmov xin_pointer(%rip), %rcx\nxrstor64 (%rcx)\n"
    "push in_flags(%rip)\npopfq\n"
    "mov in_gp+0(%rip), %rax\nmov in_gp+8(%rip), %rcx\nmov in_gp+16(%rip), %rdx\n"
    "mov in_gp+24(%rip), %rbx\nmov in_gp+40(%rip), %rbp\nmov in_gp+48(%rip), %rsi\n"
    "mov in_gp+56(%rip), %rdi\nmov in_gp+64(%rip), %r8\nmov in_gp+72(%rip), %r9\n"
    "mov in_gp+80(%rip), %r10\nmov in_gp+88(%rip), %r11\nmov in_gp+96(%rip), %r12\n"
    "mov in_gp+104(%rip), %r13\nmov in_gp+112(%rip), %r14\nmov in_gp+120(%rip), %r15\n"
    "mov in_gp+32(%rip), %rsp\n"
    "jmp *entry(%rip)\n"
    ".globl back\nback:\n"
    "mov %rax, out_gp+0(%rip)\nmov %rcx, out_gp+8(%rip)\nmov %rdx, out_gp+16(%rip)\n"
    "mov %rbx, out_gp+24(%rip)\nmov %rsp, out_gp+32(%rip)\nmov %rbp, out_gp+40(%rip)\n"
    "mov %rsi, out_gp+48(%rip)\nmov %rdi, out_gp+56(%rip)\nmov %r8, out_gp+64(%rip)\n"
    "mov %r9, out_gp+72(%rip)\nmov %r10, out_gp+80(%rip)\nmov %r11, out_gp+88(%rip)\n"
    "mov %r12, out_gp+96(%rip)\nmov %r13, out_gp+104(%rip)\nmov %r14, out_gp+112(%rip)\n"
    "mov %r15, out_gp+120(%rip)\n"
    "mov saved_rsp(%rip), %rsp\npushfq\npop out_flags(%rip)\ncld\n"
    "mov $0xe7, %eax\nxor %edx, %edx\nmov xout_pointer(%rip), %rcx\nxsave64 (%rcx)\nvzeroupper\nfninit\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n");

/* IRET of some processors refuses an RSP that is not canonical: nothing can return to it. */
static uint64_t wild_rsp;
static volatile int is_wild;

static uint64_t canonical(uint64_t value) { return (uint64_t)((int64_t)(value << 16) >> 16); }

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  uint64_t rsp = (uint64_t)u->uc_mcontext.gregs[REG_RSP];
  if (canonical(rsp) != rsp) {
    is_wild = 1;
    wild_rsp = rsp;
    u->uc_mcontext.gregs[REG_RSP] = (greg_t)canonical(rsp);
    /* Not the fault of the instruction, but of a return to the code around it. */
    if ((uint64_t)u->uc_mcontext.gregs[REG_RIP] - CODE >= 4096) return;
  }
  got_signal = number;
  got_address = (uint64_t)info->si_addr;
  got_rip = (uint64_t)u->uc_mcontext.gregs[REG_RIP];
  u->uc_mcontext.gregs[REG_RIP] = (greg_t)back;
}

static uint64_t state;
static uint64_t next(void) {
  state += 0x9e3779b97f4a7c15ull;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* Where 64 bits number `part` (0-7) of vector register `n` stand in an XSAVE area. */
static uint64_t *vector(uint8_t *area, int n, int part) {
  if (n >= 16) return (uint64_t *)(area + offset_hi16 + 64 * (n - 16) + 8 * part);
  if (part < 2) return (uint64_t *)(area + 160 + 16 * n + 8 * part);
  if (part < 4) return (uint64_t *)(area + offset_avx + 16 * n + 8 * (part - 2));
  return (uint64_t *)(area + offset_hi256 + 32 * n + 8 * (part - 4));
}

static uint64_t *mask(uint8_t *area, int n) { return (uint64_t *)(area + offset_mask + 8 * n); }

/* Half of the registers hold doubles and floats of moderate size, the others random bits. */
static uint64_t value(int n) {
  if (n & 1) return next();
  double d = (double)(int64_t)(next() >> 40) / 16.0;
  uint64_t bits;
  memcpy(&bits, &d, 8);
  if (n & 2) return bits;
  float f[2] = {(float)d, (float)(next() >> 50)};
  memcpy(&bits, f, 8);
  return bits;
}

static void fill_vector(uint8_t *area, int n, const struct test *t) {
  for (int part = 0; part < 8; part++) {
    uint64_t bits = value(n);
    if (n == t->index) bits = t->index_bits == 64 ? next() & 7 : next() & 0x700000007ull;
    *vector(area, n, part) = bits;
  }
}

static void fill(const struct test *t) {
  state = t->seed;
  memset(xin, 0, sizeof xin);
  *(uint16_t *)xin = 0x37f;          /* FCW */
  xin[4] = 0xff;                     /* FTW: all registers in use */
  *(uint32_t *)(xin + 24) = 0x1f80;  /* MXCSR */
  *(uint64_t *)(xin + 512) = 0xe7;   /* XSTATE_BV */
  for (int n = 0; n < 8; n++) {
    *(uint64_t *)(xin + 32 + 16 * n) = next() | 1ull << 63;
    *(uint16_t *)(xin + 40 + 16 * n) = 0x4000 + (next() & 7);
    *mask(xin, n) = next();
  }
  for (int n = 0; n < 32; n++) fill_vector(xin, n, t);
  memcpy(in_gp, t->gp, sizeof in_gp);
  in_gp[4] = canonical(in_gp[4]);
  in_flags = 0x202 | t->flags;
  for (uint64_t at = 0; at < DATA_SIZE; at += 8) *(uint64_t *)(DATA + at) = next();
}

static uint8_t before[DATA_SIZE], after[DATA_SIZE], xfirst[8192];
static uint64_t first_gp[16], first_flags;

static void execute(void) {
  got_signal = 0;
  is_wild = 0;
  memset(xout, 0, sizeof xout);
  run();
  if (is_wild) out_gp[4] = wild_rsp;
}

/* Whether the outcome differs from the first run but for what was perturbed. */
static int differs(int gp, int vec, int k, uint64_t flags) {
  for (int n = 0; n < 16; n++)
    if (n != gp && out_gp[n] != first_gp[n]) return 1;
  if (gp >= 0 && (out_gp[gp] == in_gp[gp]) != 1 && out_gp[gp] != first_gp[gp]) return 1;
  if ((out_flags ^ first_flags) & 0xcd5 & ~flags) return 1;
  for (int n = 0; n < 32; n++)
    for (int part = 0; part < 8; part++) {
      uint64_t now = *vector(xout, n, part), then = *vector(xfirst, n, part);
      if (now == then) continue;
      if (n == vec && now == *vector(xin, n, part)) continue;
      return 1;
    }
  for (int n = 0; n < 8; n++)
    if (*mask(xout, n) != *mask(xfirst, n) && !(n == k && *mask(xout, n) == *mask(xin, n)))
      return 1;
  return memcmp((void *)DATA, after, DATA_SIZE) != 0;
}

static void depends(struct result *r, const struct test *t) {
  memcpy(first_gp, out_gp, sizeof out_gp);
  first_flags = out_flags;
  memcpy(xfirst, xout, sizeof xout);
  memcpy(after, (void *)DATA, DATA_SIZE);
  uint64_t salt = next();
  for (int n = 0; n < 16; n++)
    for (int round = 0; round < 3; round++) {
      fill(t);
      in_gp[n] ^= round == 0 ? 1 : round == 1 ? salt : salt << 32;
      execute();
      if (got_signal || differs(n, -1, -1, 0)) r->gp_read |= 1u << n;
    }
  for (int n = 0; n < 32; n++) {
    fill(t);
    for (int part = 0; part < 8; part++) *vector(xin, n, part) ^= salt;
    execute();
    if (got_signal || differs(-1, n, -1, 0)) r->vec_read |= 1u << n;
  }
  for (int n = 0; n < 8; n++) {
    fill(t);
    *mask(xin, n) ^= salt;
    execute();
    if (got_signal || differs(-1, -1, n, 0)) r->mask_read |= 1u << n;
  }
  static const uint32_t flags[] = {0x1, 0x4, 0x10, 0x40, 0x80, 0x800, 0x400};
  for (int n = 0; n < 7; n++) {
    fill(t);
    in_flags ^= flags[n];
    execute();
    if (got_signal || differs(-1, -1, -1, flags[n])) r->flags_read |= flags[n];
    if ((out_flags ^ first_flags) & flags[n]) r->flags_kept |= flags[n];
  }
}

/*
 * The number of bytes that the processor fetches: the smallest number of bytes before the end of
 * the code page with which the fetch does not fault. In r.gp_changed; the signal is the outcome.
 */
static struct result measure_length(const struct test *t) {
  struct result r;
  memset(&r, 0, sizeof r);
  uint64_t end = CODE + 4096;
  for (uint32_t n = 1; n <= 15; n++) {
    entry = end - n;
    memcpy((void *)entry, t->code, n);
    fill(t);
    got_rip = 0;
    execute();
    if (got_signal == SIGSEGV && got_address == end && got_rip == entry) continue;
    r.gp_changed = n;
    /* Having completed, it faults at the end of the page. */
    r.signal = got_signal == SIGSEGV && got_address == end && got_rip == end ? 0 : got_signal;
    r.fault_address = got_address;
    break;
  }
  entry = CODE;
  return r;
}

static struct result probe(const struct test *t) {
  struct result r;
  memset(&r, 0, sizeof r);
  uint8_t *code = (uint8_t *)CODE;
  static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
  uint64_t target = (uint64_t)back;
  memcpy(code, t->code, t->length);
  memcpy(code + t->length, jump, 6);
  memcpy(code + t->length + 6, &target, 8);
  fill(t);
  memcpy(before, (void *)DATA, DATA_SIZE);
  execute();
  r.signal = got_signal;
  r.fault_address = got_address;
  r.first_byte = r.last_byte = -1;
  for (int n = 0; n < (int)DATA_SIZE; n++)
    if (before[n] != ((uint8_t *)DATA)[n]) {
      if (r.first_byte < 0) r.first_byte = n;
      r.last_byte = n;
    }
  for (int n = 0; n < 16; n++)
    if (out_gp[n] != in_gp[n]) r.gp_changed |= 1u << n;
  for (int n = 0; n < 32; n++)
    for (int part = 0; part < 8; part++)
      if (*vector(xout, n, part) != *vector(xin, n, part)) r.vec_changed |= 1u << n;
  for (int n = 0; n < 8; n++)
    if (*mask(xout, n) != *mask(xin, n)) r.mask_changed |= 1u << n;
  r.flags_changed = (out_flags ^ in_flags) & 0xcd5;
  r.x87_changed = memcmp(xin, xout, 6) != 0 || memcmp(xin + 32, xout + 32, 128) != 0;
  if (t->mode == 1 && !r.signal) depends(&r, t);
  return r;
}

int main(void) {
  uint32_t a, b, c, d;
  __cpuid_count(0xd, 2, a, b, c, d);
  offset_avx = b;
  __cpuid_count(0xd, 5, a, b, c, d);
  offset_mask = b;
  __cpuid_count(0xd, 6, a, b, c, d);
  offset_hi256 = b;
  __cpuid_count(0xd, 7, a, b, c, d);
  offset_hi16 = b;
  int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  if (mmap((void *)DATA, DATA_SIZE, PROT_READ | PROT_WRITE, how, -1, 0) == MAP_FAILED) return 2;
  if (mmap((void *)CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, how, -1, 0) == MAP_FAILED)
    return 2;
  static uint8_t stack[65536];
  stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&s, 0);
  struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
  for (int n = 0; n < 5; n++) sigaction(signals[n], &act, 0);
  struct test t;
  while (fread(&t, sizeof t, 1, stdin) == 1) {
    struct result r = t.mode == 2 ? measure_length(&t) : probe(&t);
    fwrite(&r, sizeof r, 1, stdout);
  }
  return 0;
}
