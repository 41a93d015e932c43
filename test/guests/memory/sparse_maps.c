/* Shared mappings of a sparse file: holes read as zeros, stores come through, holes can be made. */
#include "check.h"

#define SIZE (64 << 20)

static unsigned at(int fd, off_t offset) {
  unsigned char byte = 0xee;
  return pread(fd, &byte, 1, offset) == 1 ? byte : 0xff;
}

int main(void) {
  int fd = open("sparse-maps", O_CREAT | O_RDWR | O_TRUNC, 0600);
  unlink("sparse-maps");
  T(ftruncate(fd, SIZE));
  T(pwrite(fd, "data", 4, 40 << 20));
  char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  IS(map != MAP_FAILED);
  T(map[0] | map[SIZE - 1] | map[20 << 20]);
  T(memcmp(map + (40 << 20), "data", 4));
  map[5] = 'a';
  map[30 << 20] = 'b';
  map[SIZE - 1] = 'c';
  T(msync(map, SIZE, MS_SYNC));
  T(at(fd, 5));
  T(at(fd, 30 << 20));
  T(at(fd, SIZE - 1));
  T(at(fd, 30 << 20 | 1));
  T(pwrite(fd, "w", 1, 10 << 20));
  T(map[10 << 20]);
  T(map[(10 << 20) + 4096]);
  map[(10 << 20) + 1] = 'x';
  T(msync(map, SIZE, MS_SYNC));
  T(at(fd, (10 << 20) + 1));
  T(at(fd, (10 << 20) + 4097));
  OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8 << 20, 4 << 20));
  T(map[10 << 20]);
  T(map[30 << 20]);
  T(ftruncate(fd, 20 << 20));
  T(ftruncate(fd, SIZE));
  T(map[30 << 20]);
  T(map[5]);
  T(at(fd, 30 << 20));
  char *own = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  own[50 << 20] = 'p';
  T(map[50 << 20]);
  T(at(fd, 50 << 20));
  T(munmap(map, SIZE));
  T(at(fd, 5));
  return 0;
}
