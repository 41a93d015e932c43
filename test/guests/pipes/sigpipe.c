#include "files.h"
#include <sys/uio.h>
static void w(void) { int p[2]; pipe(p); close(p[0]); write(p[1], "x", 1); puts("not here"); }
static void wv(void) { int p[2]; pipe(p); close(p[0]); writev(p[1], (struct iovec[]){{"x", 1}, {"y", 1}}, 2); puts("not here"); }
static volatile int n; static void h(int s) { n++; }
static void handled(void) { signal(SIGPIPE, h); int p[2]; pipe(p); close(p[0]); T(write(p[1], "x", 1)); T(n); T(write(p[1], "", 0)); T(n); }
static void partly(void) { signal(SIGPIPE, h); int p[2]; pipe(p); int pid = fork(); if (!pid) { close(p[1]); char b[100]; read(p[0], b, 100); _exit(0); } close(p[0]); char *b = calloc(1, 200000); ssize_t r = write(p[1], b, 200000); printf("%s\n", r > 0 && r < 200000 ? "short" : r < 0 ? strerrorname_np(errno) : "all"); T(n); waitpid(pid, 0, 0); }
int main(void) { CHILD(w); CHILD(wv); CHILD(handled); CHILD(partly); }
