#include "../check.h"
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
/* Locked pages: present at once or from their first touch on; smaps tells which. MADV_POPULATE. */
enum { P = 4096, N = 8 };
static char *pages(int n, int prot, int flags) { return mmap(NULL, n * P, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0); }
static int present(char *at, int n) {
  unsigned char vec[64];
  int count = 0;
  if (mincore(at, n * P, vec)) return -1;
  for (int i = 0; i < n; i++) count += vec[i] & 1;
  return count;
}
/* What smaps says of the mapping that begins at `at`. */
static void show(const char *what, char *at) {
  FILE *f = fopen("/proc/self/smaps", "r");
  char line[512], flags[256] = "?";
  unsigned long start, end, rss = 0, locked = 0, size = 0;
  int inside = 0;
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2) inside = start == (unsigned long)at, size = inside ? end - start : size;
    else if (inside && !strncmp(line, "VmFlags:", 8)) strcpy(flags, line + 9);
    else if (inside) sscanf(line, "Rss: %lu", &rss), sscanf(line, "Locked: %lu", &locked);
  }
  fclose(f);
  printf("%s: size %lu rss %lu locked %lu flags %s", what, size / 1024, rss, locked, flags);
}
static unsigned long status(const char *name) {
  FILE *f = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long value = -1;
  size_t n = strlen(name);
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, name, n)) value = strtoul(line + n + 1, NULL, 10);
  fclose(f);
  return value;
}
int main(void) {
  /* Guards keep neighbours apart. */
  char *room = pages(64, PROT_NONE, 0);
  char *m = mmap(room + P, N * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  show("new", m);
  m[2 * P] = 1;
  show("touched", m);
  T(syscall(SYS_mlock2, m, N * P, 1));
  T(present(m, N));
  m[5 * P] = 1;
  show("on fault", m);
  T(mlock(m, N * P));
  T(present(m, N));
  show("locked", m);
  printf("VmLck %lu\n", status("VmLck"));
  T(munlock(m, N * P));
  show("unlocked", m);
  T(syscall(SYS_mlock2, m, P, 2));
  T(mlockall(0));
  T(mlockall(MCL_ONFAULT));
  T(mlockall(8));
  T(mlockall(MCL_FUTURE));
  char *future = mmap(room + 20 * P, N * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  T(present(future, N));
  show("future", future);
  T(mlockall(MCL_FUTURE | MCL_ONFAULT));
  char *later = mmap(room + 40 * P, N * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  T(present(later, N));
  show("later", later);
  T(munlockall());
  printf("VmLck %lu\n", status("VmLck"));
  show("all unlocked", future);
  char *locked = pages(N, PROT_READ | PROT_WRITE, MAP_LOCKED);
  T(present(locked, N));
  printf("VmLck %lu\n", status("VmLck"));
  T(munmap(locked, N * P));

  char *p = pages(N, PROT_READ | PROT_WRITE, 0);
  T(madvise(p, N * P, MADV_POPULATE_READ));
  T(present(p, N));
  p = pages(N, PROT_READ | PROT_WRITE, 0);
  T(madvise(p + P, 2 * P, MADV_POPULATE_WRITE));
  T(present(p, N));
  p = pages(N, PROT_READ, 0);
  T(madvise(p, P, MADV_POPULATE_READ));
  T(madvise(p, P, MADV_POPULATE_WRITE));
  p = pages(N, PROT_WRITE, 0);
  T(madvise(p, P, MADV_POPULATE_WRITE));
  p = pages(N, PROT_NONE, 0);
  T(madvise(p, P, MADV_POPULATE_READ));
  T(madvise(p, P, MADV_POPULATE_WRITE));
  p = pages(N, PROT_READ | PROT_WRITE, 0);
  munmap(p + 2 * P, P);
  T(madvise(p, N * P, MADV_POPULATE_WRITE));
  T(madvise(p, N * P, MADV_POPULATE_READ));
  T(madvise(p + 2 * P, P, MADV_POPULATE_READ));
  return 0;
}
