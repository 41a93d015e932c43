/* Guests that run into limits; each prints what Linux would tell it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (16u << 20)

static int deeper(int n) {
  volatile char frame[4096];
  frame[n & 4095] = (char)n;
  return deeper(n + 1) + frame[0];
}

static int null(void) { return *(volatile int *)0; }

static int stack(void) { return deeper(0); }

static int memory(void) {
  long total = 0;
  for (;;) {
    char *p = mmap(0, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) break;
    memset(p, 1, PIECE);
    total += PIECE;
  }
  printf("%s, some memory came: %d\n", strerror(errno), total >= PIECE);
  return 0;
}

static int forks(void) {
  int children = 0;
  for (;;) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      pause();
      _exit(0);
    }
    children++;
  }
  printf("%s after %d\n", strerror(errno), children);
  return 0;
}

static int full(void) {
  static char bytes[65536];
  int file = open("/scratch/file", O_CREAT | O_WRONLY, 0644);
  long total = 0, n;
  while ((n = write(file, bytes, sizeof bytes)) > 0) total += n;
  printf("%s after %ld\n", strerror(errno), total);
  return 0;
}

int main(int argc, char **argv) {
  static const struct { const char *name; int (*run)(void); } all[] = {
      {"null", null}, {"stack", stack}, {"memory", memory}, {"forks", forks}, {"full", full}};
  for (unsigned i = 0; argc > 1 && i < sizeof all / sizeof *all; i++)
    if (strcmp(argv[1], all[i].name) == 0) return all[i].run();
  return 2;
}
