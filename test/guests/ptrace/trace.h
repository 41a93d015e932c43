/* Shared by the ptrace tests: what wait(2) said of a tracee, in words. */
#pragma once
#include "check.h"
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/uio.h>
static inline int seen(const char *what, pid_t pid) {
  int s = 0;
  pid_t got = waitpid(pid, &s, __WALL);
  if (got != pid) printf("%s: %s\n", what, got < 0 ? strerrorname_np(errno) : "another");
  else if (WIFEXITED(s)) printf("%s: exit %d\n", what, WEXITSTATUS(s));
  else if (WIFSIGNALED(s)) printf("%s: killed by %d\n", what, WTERMSIG(s));
  else if (WIFSTOPPED(s)) printf("%s: stopped by %#x\n", what, s >> 8);
  else printf("%s: %#x\n", what, s);
  fflush(stdout);
  return s;
}
#define CONT(pid, sig) T(ptrace(PTRACE_CONT, pid, 0, sig))
static inline void about(pid_t pid) {
  siginfo_t i = {0};
  if (ptrace(PTRACE_GETSIGINFO, pid, 0, &i)) printf("  no siginfo: %s\n", strerrorname_np(errno));
  else printf("  siginfo: signal %d code %#x from %s\n", i.si_signo, i.si_code, i.si_pid == pid ? "itself" : i.si_pid == getpid() ? "us" : "0");
  fflush(stdout);
}
