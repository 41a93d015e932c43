#include "../check.h"
#include <sys/ptrace.h>
/* PTRACE_PEEKSIGINFO: what is queued for a thread and for its process. */
static long peek(pid_t pid, unsigned long off, unsigned flags, int nr, siginfo_t *to) {
  struct __ptrace_peeksiginfo_args args = {off, flags, nr};
  return ptrace(PTRACE_PEEKSIGINFO, pid, &args, to);
}
int main(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  pid_t pid = fork();
  if (pid == 0)
    for (;;) pause();
  for (int i = 0; i < 5; i++) {
    siginfo_t info = {.si_signo = SIGRTMIN + i, .si_code = -100 - i};
    syscall(SYS_rt_sigqueueinfo, pid, SIGRTMIN + i, &info);
    info.si_code = -200 - i;
    syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGRTMIN + i, &info);
  }
  T(ptrace(PTRACE_ATTACH, pid, 0, 0));
  waitpid(pid, NULL, 0);
  siginfo_t infos[8];
  for (unsigned flags = 0; flags < 2; flags++)
    for (unsigned long off = 0; off < 7; off += 3) {
      memset(infos, 0, sizeof infos);
      long n = peek(pid, off, flags, 4, infos);
      printf("flags %u off %lu: %ld", flags, off, n);
      for (long i = 0; i < n; i++) printf(" %d/%d", infos[i].si_signo, infos[i].si_code);
      printf("\n");
    }
  T(peek(pid, 0, 2, 1, infos));
  T(peek(pid, 0, 0, -1, infos));
  T(peek(pid, -1UL, 0, 1, infos));
  T(peek(pid, 0, 0, 1, (void *)8));
  T(peek(pid, 0, 0, 0, (void *)8));
  char *pages = mmap(NULL, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  T(peek(pid, 0, 0, 4, (siginfo_t *)(pages + 4096) - 2));
  T(ptrace(PTRACE_PEEKSIGINFO, pid, (void *)8, infos));
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return 0;
}
