// Private code that changes: fork with patched code, W^X toggles, other mappings at the same address.
#include "check.h"
typedef int (*fn)(void);
static const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0xc3};
static unsigned char *p;

static void segv(int s, siginfo_t *i, void *u) {
  printf("signal %d code %d at +%ld\n", s, i->si_code, (long)((unsigned char *)i->si_addr - p));
  fflush(stdout);
  ucontext_t *c = u;
  c->uc_mcontext.gregs[REG_RIP] = *(long *)c->uc_mcontext.gregs[REG_RSP];
  c->uc_mcontext.gregs[REG_RSP] += 8;
  c->uc_mcontext.gregs[REG_RAX] = -1;
}

static void file(const char *name, int value) {
  int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0700);
  unsigned char page[4096];
  memset(page, 0x90, sizeof page);
  memcpy(page, code, 6);
  page[1] = value;
  write(fd, page, sizeof page);
  close(fd);
}

int main(void) {
  struct sigaction a = {.sa_sigaction = segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &a, 0);
  sigaction(SIGILL, &a, 0);
  p = mmap(0, 3 * 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(p, code, 6);
  for (int i = 0; i < 6; i++) { p[1] = i; T(((fn)p)()); }
  /* Both sides change it after a fork, several generations deep. */
  fflush(stdout);
  for (int i = 0; i < 3; i++) {
    pid_t k = fork();
    if (!k) {
      int before = ((fn)p)();
      p[1] += 40;
      int after = ((fn)p)();
      pid_t g = fork();
      if (!g) { p[0] = 0x31; p[1] = 0xc0; p[2] = 0xc3; _exit(((fn)p)()); }
      int status;
      waitpid(g, &status, 0);
      printf("child %d %d, grandchild %d, child %d\n", before, after, WEXITSTATUS(status), ((fn)p)());
      fflush(stdout);
      _exit(0);
    }
    waitpid(k, 0, 0);
    p[1] = 10 + i;
    T(((fn)p)());
  }
  /* W^X. Writing while it is executable only, executing while it is writable only: faults. */
  for (int i = 0; i < 6; i++) {
    T(mprotect(p, 4096, PROT_READ | PROT_WRITE));
    p[1] = 60 + i;
    if (i == 2) T(((fn)p)());
    T(mprotect(p, 4096, PROT_READ | PROT_EXEC));
    T(((fn)p)());
  }
  T(mprotect(p, 4096, PROT_NONE));
  T(((fn)p)());
  T(mprotect(p, 4096, 7));
  T(((fn)p)());
  /* Toggled back to bytes that were there before. */
  for (int i = 0; i < 6; i++) {
    p[0] = i & 1 ? 0xb8 : 0x0f; p[1] = i & 1 ? 5 : 0x0b;
    T(((fn)p)());
  }
  /* Other files at the same address, as dlclose and dlopen do. */
  file("one", 71);
  file("two", 72);
  for (int i = 0; i < 6; i++) {
    int fd = open(i & 1 ? "one" : "two", O_RDONLY);
    T(mmap(p, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) == p);
    close(fd);
    T(((fn)p)());
    if (i == 3) { T(munmap(p, 4096)); T(((fn)p)()); }
  }
  /* mremap carries code away; what is left is not there. */
  unsigned char *q = p + 4096;
  T(mmap(q, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == q);
  memcpy(q, code, 6);
  for (int i = 0; i < 5; i++) { q[1] = i; T(((fn)q)()); }
  unsigned char *r = mremap(q, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p + 8192);
  T(r == p + 8192);
  T(((fn)r)());
  r[1] = 99;
  T(((fn)r)());
  T(((fn)q)());
  T(madvise(r, 4096, MADV_DONTNEED));
  memcpy(r, code, 6);
  T(((fn)r)());
  unlink("one");
  unlink("two");
  return 0;
}
