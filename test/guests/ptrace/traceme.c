/* A child that asks to be traced: signals that are passed on, changed, dropped; its memory and registers. */
#include "ptrace/trace.h"
static volatile long word = 0x1122334455667788; static volatile int got;
static void on(int s) { got = s; }
static int child_main(void) {
  signal(SIGUSR1, on);
  signal(SIGUSR2, on);
  if (ptrace(PTRACE_TRACEME, 0, 0, 0)) return 99;
  errno = 0;
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != -1 || errno != EPERM) return 98;
  raise(SIGSTOP);
  if (word != 42) return 1;
  raise(SIGUSR1);
  if (got != SIGUSR1) return 2;
  got = 0;
  raise(SIGUSR1);
  if (got != 0) return 3;
  raise(SIGUSR1);
  if (got != SIGUSR2) return 4;
  long r;
  __asm__ volatile("mov $5, %%rbx\n\tint3\n\tmov %%rbx, %0" : "=r"(r) : : "rbx");
  if (r != 77) return 5;
  kill(getpid(), SIGCHLD); /* ignored by default, but the tracer sees it */
  return 7;
}
int main(void) {
  signal(SIGCHLD, on);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) _exit(child_main());
  seen("at start", pid);
  about(pid);
  IS(got == SIGCHLD);
  errno = 0;
  IS(ptrace(PTRACE_PEEKDATA, pid, &word, 0) == 0x1122334455667788);
  T(ptrace(PTRACE_PEEKDATA, pid, 8, 0));
  T(ptrace(PTRACE_POKEDATA, pid, &word, 42));
  T(ptrace(PTRACE_POKEDATA, pid, 8, 42));
  IS(ptrace(PTRACE_PEEKTEXT, pid, main, 0) == *(long *)main);
  CONT(pid, 0);
  seen("first", pid);
  about(pid);
  CONT(pid, SIGUSR1);
  seen("second", pid);
  CONT(pid, 0);
  seen("third", pid);
  CONT(pid, SIGUSR2);
  seen("breakpoint", pid);
  about(pid);
  struct user_regs_struct r;
  T(ptrace(PTRACE_GETREGS, pid, 0, &r));
  IS(r.rbx == 5);
  IS(r.cs == 0x33 && r.ss == 0x2b);
  HEX(r.orig_rax);
  errno = 0;
  IS(ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), 0) == r.rip);
  IS((ptrace(PTRACE_PEEKDATA, pid, r.rip - 1, 0) & 0xff) == 0xcc);
  T(ptrace(PTRACE_PEEKUSER, pid, 3, 0));
  T(ptrace(PTRACE_PEEKUSER, pid, sizeof(struct user), 0));
  T(ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[7]), 0));
  T(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rbx), 77));
  struct iovec v = {&r, sizeof r};
  memset(&r, 0, sizeof r);
  T(ptrace(PTRACE_GETREGSET, pid, 1, &v));
  T(v.iov_len);
  IS(r.rbx == 77);
  v.iov_len = 16;
  T(ptrace(PTRACE_GETREGSET, pid, 1, &v));
  T(v.iov_len);
  T(ptrace(PTRACE_GETREGSET, pid, 999, &v));
  v.iov_len = 3;
  T(ptrace(PTRACE_GETREGSET, pid, 1, &v));
  T(ptrace(PTRACE_GETREGS, pid, 0, 8));
  struct user_fpregs_struct f;
  T(ptrace(PTRACE_GETFPREGS, pid, 0, &f));
  HEX(f.cwd);
  HEX(f.mxcsr);
  T(ptrace(PTRACE_SETFPREGS, pid, 0, &f));
  unsigned long m = 0;
  T(ptrace(PTRACE_GETSIGMASK, pid, 8, &m));
  HEX(m);
  T(ptrace(PTRACE_GETSIGMASK, pid, 4, &m));
  T(ptrace(PTRACE_CONT, pid, 0, 99));
  T(ptrace(12345, pid, 0, 0));
  T(ptrace(PTRACE_SETOPTIONS, pid, 0, 1 << 29));
  CONT(pid, 0);
  seen("ignored signal", pid);
  T(ptrace(PTRACE_SINGLESTEP, 1, 0, 0));
  CONT(pid, SIGCHLD);
  seen("end", pid);
  T(ptrace(PTRACE_CONT, pid, 0, 0));
  T(waitpid(pid, 0, 0));
  /* Group stops, SIGKILL on a stopped one, PTRACE_KILL, and the mercy of EXITKILL. */
  fflush(stdout);
  if ((pid = fork()) == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); raise(SIGTSTP); _exit(3); }
  seen("stop", pid);
  CONT(pid, SIGSTOP);
  seen("group stop", pid);
  about(pid);
  CONT(pid, 0);
  seen("another", pid);
  T(kill(pid, SIGKILL));
  seen("killed", pid);
  fflush(stdout);
  if ((pid = fork()) == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); _exit(3); }
  seen("stop", pid);
  T(ptrace(PTRACE_KILL, pid, 0, 0));
  seen("killed", pid);
}
