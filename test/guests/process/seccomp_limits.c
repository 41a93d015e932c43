#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
/* The instructions of all filters of a thread are limited, and a call passes them in no time. */
int main(void) {
  static struct sock_filter code[4096];
  for (int i = 0; i < 4096; i++)
    code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {4097, code};
  T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  T(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
  int count = 0;
  for (program.len = 4096; prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;) count++;
  printf("%d of 4096: %s\n", count, strerrorname_np(errno));
  program.len = 1;
  for (count = 0; prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;) count++;
  printf("%d of 1: %s\n", count, strerrorname_np(errno));
  for (int i = 0; i < 100000; i++) syscall(SYS_getppid);
  return 0;
}
