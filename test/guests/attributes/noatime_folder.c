/* Reading a folder is an access, but not through O_NOATIME. */
#include "check.h"
static void look(const char *name, int flags) {
  struct timespec old[2] = {{1000, 5}, {2000, 5}}; struct stat s; char b[512]; utimensat(AT_FDCWD, "d", old, 0); int fd = open("d", O_RDONLY | O_DIRECTORY | flags); IS(syscall(SYS_getdents64, fd, b, sizeof b) > 0); stat("d", &s); printf("%s: atime %s\n", name, s.st_atime == 1000 ? "stays" : "moves"); close(fd);
}
int main(void) {
  mkdir("d", 0755); close(creat("d/f", 0644)); look("O_NOATIME", O_NOATIME); look("plain", 0); int fd = open("d", O_RDONLY | O_DIRECTORY); fcntl(fd, F_SETFL, O_NOATIME); look("another's flag", 0);
  chdir("/tmp"); char name[] = "noatimeXXXXXX"; mkdtemp(name); chdir(name); mkdir("d", 0755); look("O_NOATIME in /tmp", O_NOATIME); look("plain in /tmp", 0); rmdir("d"); chdir(".."); rmdir(name);
}
