#include "files.h"
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600); ftruncate(fd, 1 << 20); pwrite(fd, "data", 4, 65536); pwrite(fd, "more", 4, 262144);
  T(lseek(fd, 0, SEEK_CUR)); T(lseek(fd, 10, SEEK_SET)); T(lseek(fd, -3, SEEK_CUR)); T(lseek(fd, -100, SEEK_CUR)); T(lseek(fd, 0, SEEK_CUR)); T(lseek(fd, 0, SEEK_END)); T(lseek(fd, 5, SEEK_END)); T(lseek(fd, -(1 << 20) - 1, SEEK_END)); T(lseek(fd, -1, SEEK_SET)); T(lseek(fd, 0, 5)); T(lseek(fd, 0, -1)); T(lseek(fd, 0, 100));
  T(lseek(fd, 0x7fffffffffffffff, SEEK_SET)); T(lseek(fd, 1ll << 50, SEEK_SET)); T(lseek(fd, 1, SEEK_SET)); T(lseek(fd, 0x7fffffffffffffff, SEEK_CUR)); T(lseek(fd, 0x7fffffffffffffff, SEEK_END)); T(lseek(fd, 0, SEEK_CUR));
  T(lseek(fd, 0, SEEK_DATA)); T(lseek(fd, 0, SEEK_HOLE)); T(lseek(fd, 65536, SEEK_DATA)); T(lseek(fd, 65536, SEEK_HOLE)); T(lseek(fd, 65540, SEEK_DATA)); T(lseek(fd, 70000, SEEK_DATA)); T(lseek(fd, 262144 + 4096, SEEK_DATA)); T(lseek(fd, 262145, SEEK_HOLE)); T(lseek(fd, 1 << 20, SEEK_DATA)); T(lseek(fd, 1 << 20, SEEK_HOLE)); T(lseek(fd, (1 << 20) - 1, SEEK_HOLE)); T(lseek(fd, 1 << 21, SEEK_HOLE)); T(lseek(fd, -1, SEEK_DATA)); T(lseek(fd, -1, SEEK_HOLE)); T(lseek(fd, 0, SEEK_CUR));
  int e = open("empty", O_RDWR | O_CREAT, 0600); T(lseek(e, 0, SEEK_DATA)); T(lseek(e, 0, SEEK_HOLE)); T(lseek(e, 0, SEEK_END)); T(write(e, "x", 1)); T(lseek(e, 0, SEEK_DATA)); T(lseek(e, 0, SEEK_HOLE)); T(lseek(e, 1, SEEK_HOLE));
  int p[2]; pipe(p); T(lseek(p[0], 0, SEEK_CUR)); T(lseek(p[1], 0, SEEK_SET)); T(lseek(-1, 0, SEEK_SET)); T(lseek(p[0], 0, 77)); int q = open("f", O_PATH); T(lseek(q, 0, SEEK_SET));
  int d = dup(fd); T(lseek(d, 100, SEEK_SET)); T(lseek(fd, 0, SEEK_CUR)); int o = open("f", O_RDONLY); T(lseek(o, 0, SEEK_CUR));
  int pid = fork(); if (!pid) { lseek(fd, 200, SEEK_SET); _exit(0); } waitpid(pid, 0, 0); T(lseek(fd, 0, SEEK_CUR));
  int dir = open(".", O_RDONLY); T(lseek(dir, 0, SEEK_SET)); T(lseek(dir, 0, SEEK_CUR)); T(lseek(dir, -1, SEEK_SET));
  int m = memfd_create("m", 0); ftruncate(m, 65536); pwrite(m, "x", 1, 8192); T(lseek(m, 0, SEEK_DATA)); T(lseek(m, 8192, SEEK_HOLE)); T(lseek(m, 12288, SEEK_DATA)); T(lseek(m, 65536, SEEK_DATA)); T(lseek(m, 0, SEEK_HOLE)); T(lseek(m, -1, SEEK_SET)); T(lseek(m, 1ll << 52, SEEK_SET)); T(lseek(m, 0, SEEK_CUR));
}
