#include "check.h"
int main(void) {
  T(mkfifo("p", 0600)); T(mkfifo("p", 0600)); T(open("p", O_WRONLY | O_NONBLOCK)); int r = open("p", O_RDONLY | O_NONBLOCK); IS(r >= 0); char b[8];
  T(read(r, b, 8)); int w = open("p", O_WRONLY | O_NONBLOCK); IS(w >= 0); T(read(r, b, 8)); T(write(w, "abc", 3)); T(read(r, b, 8)); T(close(w)); T(read(r, b, 8)); struct stat st; T(stat("p", &st)); HEX(st.st_mode); close(r);
  fflush(stdout); pid_t k = fork(); if (!k) { int f = open("p", O_WRONLY); write(f, "from child", 10); _exit(0); } int f = open("p", O_RDONLY); char big[32] = {0}; T(read(f, big, 32)); puts(big); int s; waitpid(k, &s, 0); T(read(f, big, 32)); T(unlink("p"));
}
