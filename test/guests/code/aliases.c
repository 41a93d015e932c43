// The same code page through several mappings: what one writes, the others execute.
#include "check.h"
typedef int (*fn)(void);
static const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0xc3};

int main(void) {
  int fd = memfd_create("jit", 0);
  ftruncate(fd, 8192);
  unsigned char *w = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  unsigned char *x = mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  IS(w != MAP_FAILED && x != MAP_FAILED);
  memcpy(w, code, 6);
  T(((fn)x)());
  for (int i = 2; i < 9; i++) { w[1] = i; T(((fn)x)()); }
  /* The opcode: xor eax, eax; ret. */
  w[0] = 0x31; w[1] = 0xc0; w[2] = 0xc3;
  T(((fn)x)());
  memcpy(w, code, 6);
  T(((fn)x)());
  /* A second executable view, and write(2). */
  unsigned char *y = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  T(((fn)y)());
  for (int i = 0; i < 4; i++) { unsigned char b = 20 + i; pwrite(fd, &b, 1, 1); T(((fn)x)()); T(((fn)y)()); }
  /* Another process writes while this one executes. */
  int there[2], back[2];
  pipe(there); pipe(back);
  fflush(stdout);
  pid_t child = fork();
  if (!child) {
    char b;
    for (int i = 0; i < 6; i++) { read(there[0], &b, 1); w[1] = 100 + i; if (i == 4) w[0] = 0xbf; if (i == 5) w[0] = 0xb8; write(back[1], &b, 1); }
    _exit(((fn)x)());
  }
  for (int i = 0; i < 6; i++) {
    char b = 0;
    write(there[1], &b, 1);
    read(back[0], &b, 1);
    if (i != 4) T(((fn)x)());
  }
  int status;
  waitpid(child, &status, 0);
  T(WEXITSTATUS(status));
  /* Anonymous shared memory, RWX, patched by the child that runs it, too. */
  unsigned char *s = mmap(0, 4096, 7, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memcpy(s, code, 6);
  T(((fn)s)());
  fflush(stdout);
  for (int i = 0; i < 4; i++) {
    child = fork();
    if (!child) { s[1] = 50 + i; _exit(((fn)s)()); }
    waitpid(child, &status, 0);
    T(WEXITSTATUS(status));
    T(((fn)s)());
  }
  /* Truncated away: fetching raises SIGBUS; nothing else is asked of it here. */
  T(ftruncate(fd, 0));
  fflush(stdout);
  child = fork();
  if (!child) _exit(((fn)x)());
  waitpid(child, &status, 0);
  T(WTERMSIG(status));
  return 0;
}
