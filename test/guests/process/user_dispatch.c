#include "../check.h"
#include <sys/prctl.h>
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
/* Calls become SIGSYS while the selector says so; the handler's own come from a range that may call. */
static volatile char selector;
static volatile int seen, last_code, last_number, last_errno;
static void handler(int sig, siginfo_t *info, void *context) {
  selector = 0;
  seen++;
  last_code = info->si_code;
  last_number = info->si_syscall;
  last_errno = info->si_errno;
}
static long dispatch(unsigned long mode, unsigned long offset, unsigned long length, void *at) {
  return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, offset, length, at);
}
static void wrong_byte(void) {
  dispatch(1, 0, 0, (void *)&selector);
  selector = 7;
  syscall(SYS_getppid);
}
static void no_memory(void) {
  dispatch(1, 0, 0, (void *)8);
  syscall(SYS_getppid);
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
  T(dispatch(0, 1, 0, NULL));
  T(dispatch(0, 0, 0, (void *)&selector));
  T(dispatch(3, 0, 0, NULL));
  T(dispatch(1, 1, 0, NULL));
  T(dispatch(1, 1, -1UL, NULL));
  T(dispatch(1, 0, 0, (void *)-8L));
  T(dispatch(1, 0, 0, (void *)&selector));
  selector = 1;
  long result = syscall(SYS_getppid, 1, 2);
  IS(result == SYS_getppid);
  printf("%d calls, code %d, number %d, errno %d\n", seen, last_code, last_number, last_errno);
  selector = 1;
  result = syscall(0xfff);
  IS(result == 0xfff);
  printf("%d calls, code %d, number %d\n", seen, last_code, last_number);
  /* The whole of the code may call. */
  T(dispatch(1, 1, 0x7fffffffffffUL, (void *)&selector));
  selector = 1;
  IS(syscall(SYS_getpid) == getpid());
  T(dispatch(0, 0, 0, NULL));
  /* A child does not keep it. */
  dispatch(1, 0, 0, (void *)&selector);
  selector = 0;
  pid_t pid = fork();
  if (pid == 0) {
    selector = 1;
    _exit(seen);
  }
  int status;
  waitpid(pid, &status, 0);
  printf("child: %#x\n", status);
  T(dispatch(0, 0, 0, NULL));
  signal(SIGSEGV, SIG_DFL);
  CHILD(wrong_byte);
  CHILD(no_memory);
  return 0;
}
