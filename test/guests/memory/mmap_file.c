#include "check.h"
#include <setjmp.h>
static sigjmp_buf env; static int code;
static void h(int s, siginfo_t *i, void *u) { code = i->si_code; siglongjmp(env, s); }
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600); for (int i = 0; i < 3000; i++) write(fd, "abcd", 4);
  char *a = mmap(0, 12000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *b = mmap(0, 12000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0); IS(!memcmp(a, "abcdabcd", 8)); a[1] = 'X'; char c[4]; pread(fd, c, 4, 0); bytes("file", c, 4); IS(b[1] == 'X'); b[2] = 'Y'; IS(a[2] == 'c'); pwrite(fd, "Z", 1, 3); IS(a[3] == 'Z'); T(msync(a, 12000, MS_SYNC)); T(msync(a, 12000, 99)); T(msync(a + 1, 1, MS_SYNC)); IS(a[12287] == 0);
  int ro = open("f", O_RDONLY); OK(mmap(0, 4096, PROT_WRITE, MAP_SHARED, ro, 0)); OK(mmap(0, 4096, PROT_WRITE, MAP_PRIVATE, ro, 0)); int wo = open("f", O_WRONLY); OK(mmap(0, 4096, PROT_READ, MAP_SHARED, wo, 0)); char *s = mmap(0, 4096, PROT_READ, MAP_SHARED, ro, 4096); IS(!memcmp(s, "abcd", 4)); T(mprotect(s, 4096, PROT_READ | PROT_WRITE)); int d = open(".", O_RDONLY); OK(mmap(0, 4096, PROT_READ, MAP_SHARED, d, 0)); OK(mmap(0, 4096, PROT_READ, MAP_SHARED, 99, 0)); close(fd); IS(a[4] == 'a');
  struct sigaction x = {.sa_sigaction = h, .sa_flags = SA_SIGINFO}; sigaction(SIGBUS, &x, 0); sigaction(SIGSEGV, &x, 0); int g = open("f", O_RDWR); char *t = mmap(0, 16384, 3, MAP_SHARED, g, 0); int r = sigsetjmp(env, 1); if (!r) { t[12288] = 1; } printf("beyond end: signal %d code %d\n", r, code); ftruncate(g, 100); r = sigsetjmp(env, 1); if (!r) { c[0] = t[8000]; } printf("after truncate: signal %d code %d\n", r, code); IS(t[50] == 'c'); IS(t[200] == 0);
}
