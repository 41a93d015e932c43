#include "files.h"
int main(void) {
  put("f", "x");
  struct rlimit r; getrlimit(RLIMIT_NOFILE, &r); r.rlim_cur = 16; T(setrlimit(RLIMIT_NOFILE, &r));
  for (int i = 3; i < 256; i++) close(i);
  int n = 0, fd; while ((fd = open("f", O_RDONLY)) >= 0) n++; T(n); T(open("f", O_RDONLY)); T(open("absent", O_RDONLY)); T(open("new", O_CREAT | O_RDWR, 0600)); what("new");
  int p[2]; T(pipe(p)); T(dup(0)); T(dup2(0, 15)); T(dup2(0, 16)); T(dup2(0, -1)); T(fcntl(0, F_DUPFD, 5)); T(fcntl(0, F_DUPFD, 16)); T(fcntl(0, F_DUPFD, -1)); T(fcntl(0, F_DUPFD, 1 << 30));
  close(15); T(pipe(p)); T(dup(0)); T(open("f", O_RDONLY)); close(5); T(open("f", O_RDONLY)); close(9); close(7); T(open("f", O_RDONLY)); T(open("f", O_RDONLY));
  r.rlim_cur = 8; T(setrlimit(RLIMIT_NOFILE, &r)); T(fcntl(12, F_GETFD)); close(4); T(open("f", O_RDONLY)); T(open("f", O_RDONLY)); T(dup2(0, 9)); T(dup2(12, 6)); T(close(12)); T(close(12)); T(close(-1)); T(close(1 << 20));
}
