/* Attaching, seizing, interrupting, stepping, detaching; what is refused. */
#include "ptrace/trace.h"
static volatile int *shared;
static void line(pid_t pid, const char *name) { char p[64], l[200]; snprintf(p, 64, "/proc/%d/status", pid); FILE *f = fopen(p, "r"); while (f && fgets(l, 200, f)) if (!strncmp(l, name, strlen(name))) { if (!strcmp(name, "TracerPid:")) printf("TracerPid: %s\n", atoi(l + 10) == getpid() ? "us" : atoi(l + 10) ? "?" : "0"); else printf("%s", l); } fclose(f); fflush(stdout); }
static pid_t sleeper(void) { fflush(stdout); pid_t p = fork(); if (p == 0) { for (;;) pause(); } usleep(20000); return p; }
int main(void) {
  shared = mmap(0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  T(ptrace(PTRACE_ATTACH, 999999, 0, 0));
  T(ptrace(PTRACE_ATTACH, getpid(), 0, 0));
  T(ptrace(PTRACE_CONT, getpid(), 0, 0));
  T(ptrace(PTRACE_SEIZE, 999999, 0, 0));
  pid_t pid = sleeper();
  T(ptrace(PTRACE_PEEKDATA, pid, &shared, 0));
  T(ptrace(PTRACE_ATTACH, pid, 0, 0));
  seen("attached", pid);
  about(pid);
  line(pid, "State:");
  line(pid, "TracerPid:");
  T(ptrace(PTRACE_ATTACH, pid, 0, 0));
  struct user_regs_struct r;
  T(ptrace(PTRACE_GETREGS, pid, 0, &r));
  printf("call %lld result %lld\n", r.orig_rax, r.rax);
  T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  CONT(pid, 0);
  usleep(10000);
  line(pid, "State:");
  T(ptrace(PTRACE_GETREGS, pid, 0, &r));
  kill(pid, SIGTERM);
  seen("signal", pid);
  T(ptrace(PTRACE_DETACH, pid, 0, 0));
  usleep(10000);
  line(pid, "State:");
  line(pid, "TracerPid:");
  /* Seized: no stop by itself. */
  T(ptrace(PTRACE_SEIZE, pid, 8, 0));
  T(ptrace(PTRACE_SEIZE, pid, 0, 1 << 29));
  T(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
  T(waitpid(pid, 0, WNOHANG));
  T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  seen("interrupted", pid);
  about(pid);
  T(ptrace(PTRACE_LISTEN, pid, 0, 0));
  CONT(pid, 0);
  T(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  seen("interrupted again", pid);
  CONT(pid, 0);
  usleep(10000);
  T(kill(pid, SIGSTOP));
  seen("stop signal", pid);
  CONT(pid, SIGSTOP);
  seen("group stop", pid);
  about(pid);
  T(ptrace(PTRACE_LISTEN, pid, 0, 0));
  T(ptrace(PTRACE_GETREGS, pid, 0, &r));
  kill(pid, SIGCONT);
  seen("continued", pid);
  CONT(pid, 0);
  seen("its signal", pid);
  T(ptrace(PTRACE_DETACH, pid, 0, SIGKILL));
  seen("gone", pid);
  /* Step by step through a known loop. */
  fflush(stdout);
  pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    __asm__ volatile("int3\n\tmov $10, %%ecx\n1:\tlea 1(%%rax), %%rax\n\tdec %%ecx\n\tjnz 1b\n\tpush %%rbx\n\tpop %%rbx\n\tcall 2f\n2:\tpop %%rbx\n\tint3" : : : "rax", "rbx", "rcx", "memory");
    _exit(0);
  }
  seen("breakpoint", pid);
  int steps = 0, s;
  unsigned long first = 0;
  ptrace(PTRACE_GETREGS, pid, 0, &r);
  first = r.rip;
  for (;;) {
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    waitpid(pid, &s, 0);
    siginfo_t i;
    ptrace(PTRACE_GETSIGINFO, pid, 0, &i);
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    if (i.si_code == SI_KERNEL) break;
    if (steps < 5 || steps > 28) printf("step %d at +%llu code %d flags TF %d\n", steps, r.rip - first, i.si_code, (int)(r.eflags >> 8 & 1));
    steps++;
    if (steps > 60) break;
  }
  T(steps);
  /* A breakpoint that the tracer writes. */
  CONT(pid, 0);
  seen("gone", pid);
  fflush(stdout);
  pid = fork();
  if (pid == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); for (int i = 0; i < 3; i++) getppid(); _exit(5); }
  seen("start", pid);
  long old = ptrace(PTRACE_PEEKTEXT, pid, getppid, 0);
  T(ptrace(PTRACE_POKETEXT, pid, getppid, (old & ~0xffL) | 0xcc));
  for (int i = 0; i < 3; i++) {
    CONT(pid, 0);
    seen("hit", pid);
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    IS(r.rip == (unsigned long)getppid + 1);
    r.rip--;
    ptrace(PTRACE_SETREGS, pid, 0, &r);
    ptrace(PTRACE_POKETEXT, pid, getppid, old);
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    seen("stepped", pid);
    ptrace(PTRACE_POKETEXT, pid, getppid, (old & ~0xffL) | 0xcc);
  }
  ptrace(PTRACE_POKETEXT, pid, getppid, old);
  T(ptrace(PTRACE_DETACH, pid, 0, 0));
  seen("gone", pid);
  /* Another user's process. */
  pid = sleeper();
  fflush(stdout);
  if (fork() == 0) { setgid(65534); setuid(65534); T(ptrace(PTRACE_ATTACH, pid, 0, 0)); T(ptrace(PTRACE_ATTACH, 1, 0, 0)); _exit(0); }
  wait(0);
  kill(pid, SIGKILL);
  seen("gone", pid);
}
