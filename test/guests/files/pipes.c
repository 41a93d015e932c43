#include "check.h"
#include <sys/ioctl.h>
static int p[2];
static void kid(void) { char b[8]; close(p[1]); T(read(p[0], b, 8)); bytes("b", b, 5); T(read(p[0], b, 8)); }
int main(void) {
  char b[70000]; memset(b, 'x', sizeof b);
  T(pipe((int *)8)); T(pipe2(p, 0x12345)); T(pipe2(p, O_NONBLOCK | O_CLOEXEC)); T(fcntl(p[0], F_GETFD)); T(fcntl(p[0], F_GETFL) & O_NONBLOCK);
  T(read(p[0], b, 1)); T(write(p[1], b, 70000)); T(write(p[1], b, 1)); T(write(p[1], b, 4097)); int n; T(ioctl(p[0], FIONREAD, &n)); T(n); T(read(p[0], b, 4096)); T(write(p[1], b, 4096)); T(write(p[1], b, 1));
  T(fcntl(p[1], F_GETPIPE_SZ)); T(fcntl(p[1], F_SETPIPE_SZ, 131072)); T(fcntl(p[1], F_GETPIPE_SZ)); T(fcntl(p[1], F_SETPIPE_SZ, 4096)); T(write(p[1], b, 10));
  T(read(p[1], b, 1)); T(write(p[0], b, 1));
  while (read(p[0], b, sizeof b) > 0);
  T(close(p[1])); T(read(p[0], b, 10)); close(p[0]);
  T(pipe(p)); fflush(stdout); pid_t k = fork(); if (!k) { kid(); fflush(stdout); _exit(0); } close(p[0]); write(p[1], "hello", 5); usleep(20000); close(p[1]); int st; waitpid(k, &st, 0); T(st);
  T(pipe(p)); close(p[0]); signal(SIGPIPE, SIG_IGN); T(write(p[1], "x", 1)); signal(SIGPIPE, SIG_DFL); fflush(stdout); k = fork(); if (!k) { write(p[1], "x", 1); _exit(0); } waitpid(k, &st, 0); T(WTERMSIG(st));
}
