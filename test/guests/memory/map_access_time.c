/* Mapping a file is an access: st_atime by the rule of the mount, at mmap(2) and not at the touch. */
#include "check.h"

static int fd;

static void forget(void) {
  struct timespec times[2] = {{1000000000, 0}, {1000000001, 0}};
  T(futimens(fd, times));
}

static void seen(const char *what) {
  struct stat now;
  fstat(fd, &now);
  printf("%s: accessed since %d\n", what, now.st_atime != 1000000000);
  fflush(stdout);
}

int main(void) {
  fd = open("mapped", O_RDWR | O_CREAT, 0600);
  T(write(fd, "some bytes", 10));
  int flags[] = {MAP_SHARED, MAP_PRIVATE};
  for (int i = 0; i < 2; i++) {
    forget();
    char *at = mmap(NULL, 4096, PROT_READ, flags[i], fd, 0);
    seen(i == 0 ? "shared" : "private");
    forget();
    printf("%c\n", at[1]);
    T(munmap(at, 4096));
    seen("touched");
  }
  int quiet = open("mapped", O_RDONLY | O_NOATIME);
  forget();
  IS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, quiet, 0) != MAP_FAILED);
  seen("quietly");
  IS(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, quiet, 0) == MAP_FAILED);
  seen("refused");
  return 0;
}
