/* Pages of files in the page cache: whole files, parts, holes of a memfd, and what has no pages. */
#include "check.h"
#include <sys/socket.h>
struct range { unsigned long off, len; };
struct pages { unsigned long cache, dirty, writeback, evicted, recently; };
static struct pages seen;
static long stat_of(int fd, unsigned long off, unsigned long len, unsigned flags) { struct range part = {off, len}; memset(&seen, 1, sizeof seen); return syscall(451, fd, &part, &seen, flags); }
int main(void) {
  char block[4096 * 4];
  memset(block, 'x', sizeof block);
  int fd = open("f", O_RDWR | O_CREAT, 0600), ends[2], memory = syscall(SYS_memfd_create, "m", 0);
  pipe(ends);
  write(fd, block, sizeof block); write(memory, block, sizeof block); ftruncate(memory, 1 << 20);
  for (int i = 0; i < 2; i++) { int each = i ? memory : fd; T(stat_of(each, 0, 0, 0)); T(seen.cache + seen.evicted); T(stat_of(each, 4096, 4096, 0)); T(seen.cache + seen.evicted); T(stat_of(each, 100, 4096, 0)); T(seen.cache + seen.evicted); T(stat_of(each, 8192, 0, 0)); T(seen.cache + seen.evicted); T(stat_of(each, 1 << 20, 4096, 0)); T(seen.cache + seen.evicted); }
  T(stat_of(-1, 0, 0, 0)); T(stat_of(fd, 0, 0, 1)); T(stat_of(open("f", O_PATH), 0, 0, 0)); T(syscall(451, fd, 8, &seen, 0)); T(syscall(451, fd, &(struct range){0, 0}, 8, 0)); T(syscall(451, fd, 8, &seen, 1));
  int others[] = {ends[0], socket(AF_UNIX, SOCK_STREAM, 0), open(".", O_RDONLY), open("/dev/zero", O_RDONLY), open("/proc/self/maps", O_RDONLY)};
  for (int i = 0; i < 5; i++) { T(stat_of(others[i], 0, 0, 0)); if (i != 2) T(seen.cache); }
}
