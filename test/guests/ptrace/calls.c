/* Stops at system calls: entry and exit, arguments, a call that is changed, skipped, its result replaced. */
#include "ptrace/trace.h"
#include <linux/ptrace.h>
static struct user_regs_struct r;
static int next(pid_t pid, long request) { int s; ptrace(request, pid, 0, 0); waitpid(pid, &s, __WALL); if (WIFSTOPPED(s)) ptrace(PTRACE_GETREGS, pid, 0, &r); return s; }
static void show(const char *what, int s) { printf("%s: stop %#x call %lld result %lld\n", what, s >> 8, (long long)r.orig_rax, (long long)r.rax); fflush(stdout); }
static void body(void) {
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  long a = syscall(SYS_getppid), b = syscall(SYS_getuid), c = syscall(SYS_close, 99), d = syscall(SYS_getgid);
  struct timespec t = {0, 1000000};
  nanosleep(&t, 0);
  syscall(SYS_vserver);
  _exit(a == 4711 && b == -1 && c == -1 ? (d == -38 || (d == -1 && errno == ENOSYS)) + 20 : 1);
}
int main(void) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) body();
  seen("start", pid);
  T(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
  int s;
  do s = next(pid, PTRACE_SYSCALL); while (r.orig_rax != SYS_getppid);
  show("getppid entry", s);
  about(pid);
  struct ptrace_syscall_info i;
  memset(&i, 0, sizeof i);
  T(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof i, &i));
  printf("op %d arch %#x nr %llu ip %d\n", i.op, i.arch, i.entry.nr, i.instruction_pointer == r.rip);
  s = next(pid, PTRACE_SYSCALL);
  IS(r.rax == getpid());
  r.rax = 4711;
  T(ptrace(PTRACE_SETREGS, pid, 0, &r));
  T(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof i, &i));
  printf("op %d result %lld error %d\n", i.op, i.exit.rval, i.exit.is_error);
  s = next(pid, PTRACE_SYSCALL);
  show("getuid entry", s);
  r.orig_rax = SYS_close;
  r.rdi = 98;
  T(ptrace(PTRACE_SETREGS, pid, 0, &r));
  s = next(pid, PTRACE_SYSCALL);
  show("close in its place", s);
  s = next(pid, PTRACE_SYSCALL);
  printf("close of %llu\n", r.rdi);
  s = next(pid, PTRACE_SYSCALL);
  show("close exit", s);
  s = next(pid, PTRACE_SYSCALL);
  T(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), -1L));
  s = next(pid, PTRACE_SYSCALL);
  show("skipped", s);
  s = next(pid, PTRACE_SYSCALL);
  s = next(pid, PTRACE_SYSCALL);
  show("sleep", s);
  s = next(pid, PTRACE_SYSCALL);
  show("unknown entry", s);
  s = next(pid, PTRACE_SYSCALL);
  show("unknown exit", s);
  s = next(pid, PTRACE_SYSCALL);
  show("exit entry", s);
  s = next(pid, PTRACE_SYSCALL);
  printf("%d\n", WIFEXITED(s) ? WEXITSTATUS(s) : -1);
  /* Emulated: no call is made. */
  fflush(stdout);
  if ((pid = fork()) == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); long v = syscall(SYS_getpid); _exit(v == 50000 ? 9 : 8); }
  seen("start", pid);
  do s = next(pid, 31 /* PTRACE_SYSEMU */); while (r.orig_rax != SYS_getpid);
  show("emulated", s);
  r.rax = 50000;
  T(ptrace(PTRACE_SETREGS, pid, 0, &r));
  ptrace(PTRACE_CONT, pid, 0, 0);
  seen("end", pid);
  /* A signal while it waits in a call: interrupted, shown, and made again. */
  int p[2];
  pipe(p);
  fflush(stdout);
  if ((pid = fork()) == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); char c; long n = read(p[0], &c, 1); _exit(n == 1 ? c : 1); }
  seen("start", pid);
  ptrace(PTRACE_CONT, pid, 0, 0);
  usleep(20000);
  kill(pid, SIGWINCH);
  s = seen("signal in read", pid);
  ptrace(PTRACE_GETREGS, pid, 0, &r);
  show("in read", s);
  CONT(pid, 0);
  usleep(5000);
  write(p[1], "A", 1);
  seen("end", pid);
}
