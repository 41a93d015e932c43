#include "../check.h"
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
/* MREMAP_DONTUNMAP leaves a mapping of the same object behind. */
enum { P = 4096 };
int main(void) {
  int fd = memfd_create("m", 0);
  ftruncate(fd, 4 * P);
  char *a = mmap(NULL, 4 * P, 3, MAP_SHARED, fd, 0);
  strcpy(a + P, "shared");
  char *b = mremap(a + P, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  printf("%s %s\n", a + P, b);
  strcpy(b, "changed");
  printf("%s\n", a + P);
  char *c = mmap(NULL, 2 * P, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  strcpy(c, "nameless");
  char *d = mremap(c, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  printf("%s %s\n", c, d);
  char *e = mmap(NULL, 2 * P, 3, MAP_PRIVATE, fd, P);
  strcpy(e, "private");
  char *f = mremap(e, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  printf("%s %s\n", e, f);
  char *g = mmap(NULL, 2 * P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(g, "plain");
  char *h = mremap(g, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  printf("'%s' %s\n", g, h);
  return 0;
}
