#include "check.h"
int main(void) {
  struct stat st; char b[16]; int fd = open("f", O_RDWR | O_CREAT, 0600); write(fd, "0123456789abcdef", 16);
  T(fallocate(fd, 0, 0, 8192)); fstat(fd, &st); T(st.st_size); T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 8192, 8192)); fstat(fd, &st); T(st.st_size);
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096)); T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4, 4)); T(pread(fd, b, 16, 0)); bytes("b", b, 16);
  T(fallocate(fd, 0, -1, 10)); T(fallocate(fd, 0, 0, 0)); T(fallocate(fd, 0, 0, -4)); T(fallocate(-1, 0, 0, 4)); int r = open("f", O_RDONLY); T(fallocate(r, 0, 0, 4)); T(posix_fallocate(fd, 0, 20000)); fstat(fd, &st); T(st.st_size); int p[2]; pipe(p); T(fallocate(p[1], 0, 0, 4));
}
