#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
/* SECCOMP_RET_TRACE: without a tracer ENOSYS, with one a stop at which it may change the call. */
static void install(int number, unsigned verdict) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, verdict),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
static void untraced(void) {
  install(SYS_getppid, SECCOMP_RET_TRACE | 5);
  T(syscall(SYS_getppid));
}
int main(void) {
  CHILD(untraced);
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    install(SYS_getppid, SECCOMP_RET_TRACE | 77);
    install(SYS_getuid, SECCOMP_RET_ERRNO | 33);
    T(syscall(SYS_getppid) > 0); /* goes on */
    T(syscall(SYS_getppid));     /* becomes getuid, which another filter refuses */
    T(syscall(SYS_getppid));     /* skipped, with a result */
    T(syscall(SYS_getppid) == getpid()); /* becomes getpid */
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  T(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD));
  ptrace(PTRACE_CONT, pid, 0, 0);
  for (int i = 0; waitpid(pid, &status, 0) == pid && !WIFEXITED(status); i++) {
    unsigned long message = 0;
    struct user_regs_struct regs;
    struct __ptrace_syscall_info info;
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    memset(&info, 0xff, sizeof info);
    long size = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
    printf("%d: status %#x message %lu rax %lld number %lld; info %ld op %d\n", i, status, message,
           i == 4 ? 0 : (long long)regs.rax, (long long)regs.orig_rax, size, info.op);
    if (info.op == 3) printf("  number %llu data %u\n", info.seccomp.nr, info.seccomp.ret_data);
    if (i == 1) regs.orig_rax = SYS_getuid;
    if (i == 2) regs.orig_rax = -1, regs.rax = 4711;
    if (i == 3) regs.orig_rax = SYS_getpid;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    ptrace(i == 3 ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, 0);
  }
  HEX(status);
  return 0;
}
