#include "check.h"
static void put(const char *n, const char *s) { int f = open(n, O_WRONLY | O_CREAT | O_TRUNC, 0600); write(f, s, strlen(s)); close(f); }
static void get(const char *n) { char b[32] = {0}; int f = open(n, O_RDONLY); if (f < 0) { printf("%s: %s\n", n, strerrorname_np(errno)); return; } read(f, b, 31); printf("%s: %s\n", n, b); close(f); }
int main(void) {
  put("a", "A"); put("b", "B"); T(rename("a", "b")); get("a"); get("b"); T(rename("absent", "x")); T(mkdir("d", 0700)); T(mkdir("e", 0700)); T(rename("d", "e")); T(rename("e", "e/sub")); T(mkdir("e/full", 0700)); T(mkdir("f", 0700)); T(rename("f", "e")); T(rename("b", "e")); T(rename("e", "b")); T(rename("b", "b")); T(rename("b", "c/")); T(rename("e/", "g/")); T(rename("g", "./g")); T(rename(".", "h")); T(rename("g/..", "h"));
  put("x", "X"); put("y", "Y"); T(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 1)); T(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 2)); get("x"); get("y"); T(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "zz", 2)); T(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 3)); T(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 64)); T(link("x", "x2")); T(rename("x", "x2")); get("x"); get("x2"); T(rename("x/q", "z")); T(renameat(-1, "x", AT_FDCWD, "y")); T(rename("", "y")); T(rename("x", ""));
}
