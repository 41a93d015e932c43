/* Runs instruction bytes and prints what the processor said: the signal and all that it tells. */
#pragma once
#include "check.h"
#include <setjmp.h>

static sigjmp_buf trap_env;
static volatile struct {
  int signal, code;
  long addr, rip, err, trapno, flags;
  long regs[NGREG];
} trap;

static void trap_handler(int signal, siginfo_t *info, void *context) {
  const greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  trap.signal = signal;
  trap.code = info->si_code;
  trap.addr = (long)info->si_addr;
  trap.rip = g[REG_RIP];
  trap.err = g[REG_ERR];
  trap.trapno = g[REG_TRAPNO];
  trap.flags = g[REG_EFL];
  for (int i = 0; i < NGREG; i++) trap.regs[i] = g[i];
  siglongjmp(trap_env, 1);
}

static void trap_install(void) {
  static char stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, 0);
  static const int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction action = {.sa_sigaction = trap_handler,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaction(signals[i], &action, 0);
  }
}

/* A page that may be written and run, followed by one that may not even be read. */
static unsigned char *trap_page(void) {
  static unsigned char *page;
  if (!page) {
    page = mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + 4096, 4096, PROT_NONE);
  }
  return page;
}

/* Addresses near the page are printed relative to it, others as they are. */
static const char *trap_where(long address) {
  static char text[4][32];
  static int n;
  char *t = text[n++ & 3];
  long at = address - (long)trap_page();
  if (at >= -4096 && at < 12288) sprintf(t, "page%+ld", at);
  else sprintf(t, "%#lx", address);
  return t;
}

static void trap_print(const char *name) {
  /* A #GP has no address, and neither do kernel-sent signals: Linux gives 0 or rip. */
  printf("%s: signal %d code %d addr %s rip %s trapno %ld err %ld\n", name, trap.signal, trap.code,
         trap_where(trap.addr), trap_where(trap.rip), trap.trapno, trap.err);
  fflush(stdout);
}

/* Runs `n` bytes at offset `at` of the page, a ret behind them. */
static int trap_run_at(const char *name, int at, const void *bytes, int n) {
  unsigned char *page = trap_page();
  memset(page, 0xcc, 4096);
  memcpy(page + at, bytes, n);
  if (at + n < 4096) page[at + n] = 0xc3;
  if (sigsetjmp(trap_env, 1) == 0) {
    long rax;
    __asm__ volatile("push %%rbp\n push %%rbx\n mov %%rsp, %%r15\n call *%1\n mov %%r15, %%rsp\n"
                     " pop %%rbx\n pop %%rbp\n cld"
                     : "=a"(rax)
                     : "r"(page + at), "a"(0L), "c"(1L), "d"(0L), "S"(0L), "D"(0L)
                     : "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    printf("%s: went on, rax %#lx\n", name, rax);
    fflush(stdout);
    return 0;
  }
  trap_print(name);
  return 1;
}
#define RUN(name, ...)                                                                  \
  do {                                                                                  \
    static const unsigned char bytes_[] = {__VA_ARGS__};                                \
    trap_run_at(name, 64, bytes_, sizeof bytes_);                                       \
  } while (0)
