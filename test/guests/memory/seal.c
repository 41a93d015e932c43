#include "../check.h"
#include <sys/prctl.h>
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
/* mseal(2): what is sealed is neither unmapped, moved, replaced, given other rights nor emptied. */
enum { P = 4096 };
static char *pages(int n, int prot) { return mmap(NULL, n * P, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static long seal(void *at, size_t length) { return syscall(SYS_mseal, at, length, 0UL); }
static char *sealed, *open_pages;
static void in_child(void) { T(munmap(sealed, P)); T(mprotect(sealed, P, PROT_READ)); }
int main(void) {
  char *m = pages(6, PROT_READ | PROT_WRITE);
  T(syscall(SYS_mseal, m, P, 1UL));
  T(seal(m + 1, P));
  T(seal(m, 0));
  T(seal(m, -1UL));
  T(seal(m, -2UL * P));
  munmap(m + 2 * P, P);
  T(seal(m + P, 2 * P));
  T(munmap(m + P, P)); /* the failed call sealed nothing */
  m = pages(6, PROT_READ | PROT_WRITE);
  memset(m, 7, 6 * P);
  T(seal(m + P, 2 * P));
  T(seal(m + P, P));
  T(munmap(m, 2 * P));
  T(munmap(m + 2 * P, 2 * P));
  T(mprotect(m + P, P, PROT_READ));
  T(mprotect(m + P, P, PROT_READ | PROT_WRITE));
  T(mremap(m + P, P, 2 * P, MREMAP_MAYMOVE) != MAP_FAILED);
  char *other = pages(1, PROT_READ);
  T(mremap(other, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, m + P) != MAP_FAILED);
  T(mmap(m + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
  IS(m[0] == 7 && m[P] == 7 && m[2 * P] == 7);
  T(madvise(m + P, P, MADV_DONTNEED));
  IS(m[P] == 0);
  T(madvise(m + P, P, MADV_WILLNEED));
  char *r = pages(1, PROT_READ);
  T(seal(r, P));
  T(madvise(r, P, MADV_DONTNEED));
  T(madvise(r, P, MADV_FREE));
  T(madvise(r, P, MADV_DONTFORK));
  T(madvise(r, P, MADV_WIPEONFORK));
  T(madvise(r, P, MADV_WILLNEED));
  int fd = memfd_create("x", 0);
  ftruncate(fd, P);
  char *f = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 0);
  T(seal(f, P));
  T(madvise(f, P, MADV_DONTNEED));
  T(munmap(f, P));
  T(shmdt(f));
  sealed = m + P;
  CHILD(in_child);
  T(munmap(m + 3 * P, 3 * P));
  T(munmap(m, P));
  return 0;
}
