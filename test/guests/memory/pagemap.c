/* /proc/self/pagemap: which pages are in memory; sizes and positions in units of 8 bytes. */
#include "check.h"

int main(void) {
  int fd = open("/proc/self/pagemap", O_RDONLY);
  IS(fd >= 0);
  size_t page = 4096;
  char *three = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t entry[5];
  T(munmap(three, page));
  three[page] = 1;
  off_t at = (uintptr_t)three / page * 8;
  T(pread(fd, entry, 24, at));
  for (int i = 0; i < 3; i++) printf("page %d present %d swapped %d\n", i, (int)(entry[i] >> 63),
                                     (int)(entry[i] >> 62 & 1));
  T(pread(fd, entry, 7, at));
  T(pread(fd, entry, 8, at + 1));
  T(pread(fd, entry, 8, 0));
  T(entry[0] == 0);
  T(pread(fd, entry, 8, 0x7ffffffff000 / 4096 * 8));
  T(pread(fd, entry, 0, at));
  T(lseek(fd, at + 8, SEEK_SET) == at + 8);
  T(read(fd, entry, 8));
  T((int)(entry[0] >> 63));
  T(open("/proc/self/pagemap", O_WRONLY) >= 0);
  return 0;
}
