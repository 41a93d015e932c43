/* For the guest programs about files. */
#pragma once
#include "check.h"
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

/* Writes a file; exits when that fails, since nothing after it would mean anything. */
static inline void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
    printf("put %s: %s\n", name, strerrorname_np(errno));
    exit(1);
  }
  close(fd);
}

/* Prints what a file holds. */
static inline void show(const char *name) {
  char text[256] = {0};
  int fd = open(name, O_RDONLY);
  ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (count < 0) printf("%s: %s\n", name, strerrorname_np(errno));
  else printf("%s: \"%s\"\n", name, text);
  if (fd >= 0) close(fd);
  fflush(stdout);
}

/* Prints type, permission bits and links of a name, itself and not what it leads to. */
static inline void what(const char *name) {
  struct stat st;
  if (lstat(name, &st) < 0) printf("%s: %s\n", name, strerrorname_np(errno));
  else if (S_ISREG(st.st_mode))
    printf("%s: mode %o links %ld size %ld\n", name, st.st_mode, (long)st.st_nlink, (long)st.st_size);
  else printf("%s: mode %o\n", name, st.st_mode);
  fflush(stdout);
}

/* Opens, prints whether it worked, closes. */
#define TRY(call)                                                                       \
  do {                                                                                  \
    errno = 0;                                                                          \
    int f_ = (int)(call);                                                               \
    if (f_ < 0) printf("%s = -1 %s\n", #call, strerrorname_np(errno));                  \
    else printf("%s ok\n", #call), close(f_);                                           \
    fflush(stdout);                                                                     \
  } while (0)

/* Runs f in a child without rights, where this process has them to give up; else as it is. */
static inline void without_rights(const char *name, void (*f)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    if (getuid() == 0 && (setgroups(0, NULL) || setresgid(12345, 12345, 12345) || setresuid(12345, 12345, 12345)))
      _exit(99);
    f();
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%s: status %#x\n", name, status);
  fflush(stdout);
}
#define AS_USER(f) without_rights(#f, f)

/* Raw calls that the C library has no name for, or hides the truth about. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
struct how { uint64_t flags, mode, resolve; };
static inline int openat2_(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct how how = {flags, mode, resolve};
  return syscall(SYS_openat2, dir, path, &how, sizeof how);
}
enum { NO_XDEV = 1, NO_MAGIC = 2, NO_SYM = 4, BENEATH = 8, IN_ROOT = 16, CACHED = 32 };
