/* Shared by the guest tests: every test prints what it saw; the native run is the truth. */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Prints the call, its result, and the name of errno when it is -1. */
#define T(call)                                                                         \
  do {                                                                                  \
    errno = 0;                                                                          \
    long r_ = (long)(call);                                                             \
    if (r_ == -1 && errno) printf("%s = -1 %s\n", #call, strerrorname_np(errno));       \
    else printf("%s = %ld\n", #call, r_);                                               \
    fflush(stdout);                                                                     \
  } while (0)

/* The same where the value of a success differs from run to run (pids, addresses, times). */
#define OK(call)                                                                        \
  do {                                                                                  \
    errno = 0;                                                                          \
    long r_ = (long)(call);                                                             \
    if (r_ == -1 && errno) printf("%s = -1 %s\n", #call, strerrorname_np(errno));       \
    else printf("%s ok\n", #call);                                                      \
    fflush(stdout);                                                                     \
  } while (0)

/* Prints a truth: for conditions that must hold on both sides. */
#define IS(condition) (printf("%s: %s\n", #condition, (condition) ? "yes" : "NO"), fflush(stdout))

#define HEX(value) (printf("%s = %#llx\n", #value, (unsigned long long)(value)), fflush(stdout))

static inline void bytes(const char *name, const void *p, size_t n) {
  printf("%s =", name);
  for (size_t i = 0; i < n; i++) printf(" %02x", ((const unsigned char *)p)[i]);
  printf("\n");
  fflush(stdout);
}

/* Runs f in a child and prints how the child ended. */
static inline void child(const char *name, void (*f)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { f(); fflush(stdout); _exit(0); }
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) printf("%s: waitpid failed\n", name);
  else if (WIFEXITED(status)) printf("%s: exit %d\n", name, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: signal %d\n", name, WTERMSIG(status));
  else printf("%s: status %#x\n", name, status);
  fflush(stdout);
}
#define CHILD(f) child(#f, f)
