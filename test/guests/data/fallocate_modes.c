#include "files.h"
static void dump(int fd) { struct stat s; fstat(fd, &s); printf("size %ld, data at", (long)s.st_size); off_t at = 0; while ((at = lseek(fd, at, SEEK_DATA)) >= 0) { off_t end = lseek(fd, at, SEEK_HOLE); printf(" %ld-%ld", (long)at, (long)end); at = end; } char b; printf(" bytes"); for (off_t i = 0; i < s.st_size; i += 4096) { pread(fd, &b, 1, i); printf(" %c", b ? b : '0'); } puts(""); }
static void fill(int fd) { char page[4096]; ftruncate(fd, 0); for (int i = 0; i < 8; i++) { memset(page, 'a' + i, 4096); pwrite(fd, page, 4096, i * 4096); } lseek(fd, 0, SEEK_SET); fsync(fd); }
static void all(int fd) {
  fill(fd); T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192)); dump(fd); T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 20480 + 100, 200)); char b[4]; pread(fd, b, 4, 20480 + 98); bytes("b", b, 4); T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4096)); dump(fd); T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
  T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 32768, 8192)); struct stat s; fstat(fd, &s); T(s.st_size); T(fallocate(fd, 0, 32768, 100)); fstat(fd, &s); T(s.st_size); T(fallocate(fd, 0, 0, 10)); fstat(fd, &s); T(s.st_size); T(fallocate(fd, 0, 0, 0)); T(fallocate(fd, 0, 0, -1)); T(fallocate(fd, 0, -1, 1)); T(fallocate(fd, 0x100, 0, 1)); T(fallocate(fd, 4, 0, 1)); T(fallocate(fd, 0, 0x7fffffffffffffff, 1)); T(fallocate(fd, 0, 1, 0x7fffffffffffffff)); 
}
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600); all(fd);
  fill(fd); T(fallocate(fd, FALLOC_FL_ZERO_RANGE, 4096, 4096)); dump(fd); T(fallocate(fd, FALLOC_FL_ZERO_RANGE, 30000, 8192)); struct stat s; fstat(fd, &s); T(s.st_size); T(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 32768, 65536)); fstat(fd, &s); T(s.st_size);
  fill(fd); T(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 4096, 8192)); dump(fd); T(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 1)); T(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 16384, 1 << 20)); fill(fd); T(fallocate(fd, FALLOC_FL_INSERT_RANGE, 4096, 4096)); dump(fd); T(fallocate(fd, FALLOC_FL_INSERT_RANGE, 1, 4096)); T(fallocate(fd, FALLOC_FL_INSERT_RANGE, 1 << 20, 4096));
  int m = memfd_create("m", 0); all(m); T(fallocate(m, FALLOC_FL_ZERO_RANGE, 0, 4096)); T(fallocate(m, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)); T(fallocate(m, FALLOC_FL_INSERT_RANGE, 0, 4096)); T(fallocate(m, FALLOC_FL_UNSHARE_RANGE, 0, 4096));
  int r = open("f", O_RDONLY), d = open(".", O_RDONLY), p[2]; pipe(p); T(fallocate(r, 0, 0, 1)); T(fallocate(d, 0, 0, 1)); T(fallocate(p[1], 0, 0, 1)); T(fallocate(-1, 0, 0, 1)); T(fallocate(open("/dev/null", O_RDWR), 0, 0, 1)); T(posix_fallocate(fd, 0, 100)); T(posix_fallocate(r, 0, 100)); T(posix_fallocate(fd, -1, 100)); T(posix_fallocate(fd, 0, 0));
  /* what a mapping shows follows */
  fill(fd); char *map = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); printf("%c %c\n", map[4096], map[8192]); T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096)); printf("%d %c\n", map[4096], map[8192]); map[8192] = 'X'; T(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 8192)); printf("%c %c\n", map[0], map[4096]); char c; pread(fd, &c, 1, 0); printf("%c\n", c);
  int ap = open("f", O_RDWR | O_APPEND); T(fallocate(ap, 0, 0, 65536)); what("f");
}
