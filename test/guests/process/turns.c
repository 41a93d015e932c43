/* Two processes that take turns over pipes, as often as it takes to be noticed: what each keeps in
   registers, x87 and vectors, in code that it writes itself, in faults and signals. */
#include "check.h"
#include <setjmp.h>
static int down[2], up[2];
static volatile sig_atomic_t stop;
static sigjmp_buf back;
static void wild(int s, siginfo_t *i, void *u) { siglongjmp(back, i->si_addr == (void *)64 ? 1 : 2); }
static void halt(int s) { stop = 1; }
static unsigned ask(unsigned v) { if (write(down[1], &v, 4) != 4 || read(up[0], &v, 4) != 4) _exit(99); return v; }

static unsigned mixed(unsigned v) {
  static unsigned char *code; static long double sum; static double parts[4];
  if (!code) code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  code[0] = 0xb8; memcpy(code + 1, &v, 4); code[5] = 0xc3;
  unsigned r = ((unsigned (*)(void))code)();
  sum += (long double)v / 3; for (int i = 0; i < 4; i++) parts[i] += v * (i + 0.5);
  return r * 3 + (unsigned)(sum / 7) + (unsigned)parts[3];
}

static int answers(void) {
  struct sigaction a = {.sa_sigaction = wild, .sa_flags = SA_SIGINFO}; sigaction(SIGSEGV, &a, 0); signal(SIGUSR1, halt);
  unsigned v;
  while (read(down[0], &v, 4) == 4) {
    if (v == 1000001) { int n = sigsetjmp(back, 1); if (!n) *(volatile char *)64 = 1; v = n; }
    else if (v == 1000002) { v = 7; if (write(up[1], &v, 4) != 4) return 1; while (!stop); stop = 0; v = 8; }
    else if (v == 1000003) { for (int i = 0; i < 3000; i++) syscall(SYS_getppid); v = 9; }
    else v = mixed(v);
    if (write(up[1], &v, 4) != 4) return 1;
  }
  return 0;
}

int main(void) {
  pipe(down); pipe(up); pid_t p = fork();
  if (p == 0) { close(down[1]); close(up[0]); _exit(answers()); }
  close(down[0]); close(up[1]); unsigned long all = 0; unsigned v = 0, bad = 0;
  for (int round = 0; round < 4; round++) {
    for (unsigned i = 0; i < 500; i++) { unsigned r = ask(i * 2654435761u >> 8); all = all * 31 + r; bad += r == 0; }
    printf("round %d: %lu, %u\n", round, all, bad); T(ask(1000001)); T(ask(1000002)); kill(p, SIGUSR1);
    T(read(up[0], &v, 4)); T(v); T(ask(1000003));
    /* A third one takes turns with the first. */
    int q[2]; pipe(q); for (int i = 0; i < 20; i++) { pid_t c = fork(); if (!c) _exit(write(q[1], &i, 4) != 4); int n; if (read(q[0], &n, 4) != 4 || n != i) bad++; waitpid(c, 0, 0); ask(i); } close(q[0]); close(q[1]);
  }
  T(bad); close(down[1]); int st; waitpid(p, &st, 0); T(WEXITSTATUS(st));
}
