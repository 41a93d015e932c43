#include "files.h"
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600); ftruncate(fd, 10000); char *a = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *p = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), *b = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096); char c[8] = {0};
  a[0] = 'A'; a[4096] = 'B'; T(pread(fd, c, 1, 0)); puts(c); printf("%c %c %c\n", p[0], b[0], p[4096]); p[0] = 'P'; printf("%c %c\n", a[0], p[0]); T(pwrite(fd, "WW", 2, 0)); printf("%c %c %c%c\n", a[0], p[0], a[1], p[1] ? p[1] : '0'); T(pwrite(fd, "Q", 1, 4096)); printf("%c %c %c\n", a[4096], b[0], p[4096]);
  T(ftruncate(fd, 5000)); T(ftruncate(fd, 10000)); printf("%d %d %c\n", a[5000], a[9999], a[4096]); a[9000] = 'Z'; T(pread(fd, c, 1, 9000)); puts(c); a[10001] = 'x'; T(ftruncate(fd, 11000)); T(pread(fd, c, 1, 10001)); printf("%d\n", c[0]);
  int pid = fork(); if (!pid) { a[1] = 'C'; p[1] = 'c'; _exit(0); } waitpid(pid, 0, 0); printf("%c %c\n", a[1], p[1]); close(fd); a[2] = 'D'; fd = open("f", O_RDWR); T(pread(fd, c, 3, 0)); puts(c); unlink("f"); a[3] = 'E'; T(pread(fd, c, 4, 0)); puts(c); munmap(a, 12288); T(pread(fd, c, 4, 0)); puts(c);
  T(read(fd, b, 1)); int self = open("g", O_RDWR | O_CREAT, 0600); write(self, "0123456789abcdef", 16); char *g = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, self, 0); T(pwrite(self, g, 8, 8)); T(pread(self, g + 16, 8, 0)); bytes("g", g, 16); show("g"); T(pread(self, g, 4, 8)); show("g"); T(write(self, g, 16)); what("g");
}
