#include "check.h"
int main(void) {
  char b[4096], c[4096]; getcwd(c, sizeof c); mkdir("d", 0700); mkdir("d/e", 0700); close(creat("f", 0600)); T(chdir("d/e")); getcwd(b, sizeof b); IS(!strcmp(b + strlen(c), "/d/e")); T(chdir("..")); T(chdir("../f")); T(chdir("absent")); T(chdir("")); T(syscall(SYS_getcwd, b, 2)); T(syscall(SYS_getcwd, (void *)8, 4096)); int fd = open("e", O_RDONLY); T(fchdir(fd)); getcwd(b, sizeof b); puts(b + strlen(c)); T(fchdir(-1)); int f = open("../../f", O_RDONLY); T(fchdir(f)); T(rmdir("../e")); T(syscall(SYS_getcwd, b, 4096)); T(open("x", O_CREAT | O_RDWR, 0600)); T(chdir("..")); T(chdir("/")); getcwd(b, sizeof b); puts(b); T(chdir("/../..")); getcwd(b, sizeof b); puts(b);
}
