/* Areas that may lie in large pages: what is done to parts of them is seen there and nowhere else. */
#include "check.h"

#define MIB (1 << 20)
#define SIZE (10 * MIB + 12288)
#define STEP 4096

static long sum(const unsigned char *p, size_t n) {
  long s = 0;
  for (size_t i = 0; i < n; i += STEP) s += p[i] + p[i + STEP - 1];
  return s;
}

static void fill(unsigned char *p, size_t n, int value) {
  for (size_t i = 0; i < n; i += STEP) p[i] = p[i + STEP - 1] = value;
}

static unsigned char *area(int flags) {
  return mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static unsigned char zeros[5 * MIB];

int main(void) {
  unsigned char *p = area(0);
  IS(sum(p, SIZE) == 0);
  fill(p, SIZE, 3);
  T(sum(p, SIZE));
  /* A page in the middle of a large one, then more than one of them. */
  T(madvise(p + 3 * MIB + 8192, 4096, MADV_DONTNEED));
  T(sum(p, SIZE));
  T(madvise(p + 4 * MIB + 4096, 4 * MIB, MADV_DONTNEED));
  T(sum(p, SIZE));
  fill(p, SIZE, 5);
  fflush(stdout);
  /* Copy on write, both ways, and again after the child is gone. */
  for (int round = 0; round < 2; round++) {
    int go[2], done[2];
    pipe(go);
    pipe(done);
    pid_t child = fork();
    if (child == 0) {
      char c;
      read(go[0], &c, 1);
      IS(sum(p, SIZE) == 2 * 5 * (SIZE / STEP));
      fill(p + MIB, 2 * MIB + 4096, 7);
      IS(p[MIB] == 7 && p[MIB - 1] == 5 && p[3 * MIB + 4096] == 5);
      T(munmap(p + 6 * MIB + 4096, 2 * MIB));
      _exit(0);
    }
    fill(p + 5 * MIB, MIB, 6);
    write(go[1], "x", 1);
    int status;
    waitpid(child, &status, 0);
    T(status);
    T(sum(p, SIZE));
    fill(p, SIZE, 5);
    for (int i = 0; i < 2; i++) close(go[i]), close(done[i]);
  }
  /* Protection, holes, growth, moves. */
  T(mprotect(p + 2 * MIB + 4096, MIB, PROT_READ));
  T(read(open("/dev/zero", O_RDONLY), p + 2 * MIB + 8192, 1));
  T(mprotect(p + 2 * MIB + 4096, MIB, PROT_READ | PROT_WRITE));
  p[2 * MIB + 8192] = 9;
  T(sum(p, SIZE));
  T(munmap(p + 5 * MIB + 8192, 4096));
  T(write(open("/dev/null", O_WRONLY), p + 5 * MIB + 8192, 1));
  unsigned char *low = mremap(p, 5 * MIB, 3 * MIB - 4096, 0);
  IS(low == p);
  T(write(open("/dev/null", O_WRONLY), p + 3 * MIB - 4096, 1));
  unsigned char *moved = mremap(p, 3 * MIB - 4096, 12 * MIB, MREMAP_MAYMOVE);
  T(sum(moved, 3 * MIB - 4096));
  IS(sum(moved + 3 * MIB - 4096, 9 * MIB + 4096) == 0);
  fill(moved, 12 * MIB, 2);
  T(sum(moved, 12 * MIB));
  T(munmap(moved, 12 * MIB));
  /* Other kinds, and what the kernel reads and writes there. */
  p = area(MAP_NORESERVE);
  IS(sum(p, SIZE) == 0);
  munmap(p, SIZE);
  p = area(MAP_POPULATE);
  IS(sum(p, SIZE) == 0);
  munmap(p, SIZE);
  int fd = open("large", O_RDWR | O_CREAT, 0600);
  p = area(0);
  fill(p, SIZE, 4);
  T(pwrite(fd, p, SIZE, 0));
  T(pread(fd, p + 4096, 6 * MIB, 2 * MIB));
  T(sum(p, SIZE));
  unsigned char *f = mmap(p + 2 * MIB, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
  IS(f == p + 2 * MIB);
  fill(f, 2 * MIB, 8);
  T(sum(p, SIZE));
  munmap(p, SIZE);
  fill(zeros, sizeof zeros, 1);
  T(sum(zeros, sizeof zeros));
  void *old = sbrk(6 * MIB);
  memset(old, 1, 6 * MIB);
  IS(sbrk(-5 * MIB) != (void *)-1);
  IS(sbrk(5 * MIB) != (void *)-1);
  T(sum((unsigned char *)old, 6 * MIB - 4096));
}
