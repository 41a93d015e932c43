#include "files.h"
int main(void) {
  put("f", "0123456789");
  char b[64]; memset(b, 0, sizeof b);
  int r = open("f", O_RDONLY), w = open("f", O_WRONLY), rw = open("f", O_RDWR), d = open(".", O_RDONLY);
  T(read(-1, b, 1)); T(read(w, b, 1)); T(read(d, b, 1)); T(read(r, b, 0)); T(read(r, NULL, 0)); T(read(r, NULL, 1)); T(read(r, (void *)-1, 1));
  T(read(r, b, -1)); T(lseek(r, 0, SEEK_CUR)); T(write(-1, b, 1)); T(write(r, b, 1)); T(write(d, b, 1)); T(write(w, b, 0)); T(write(w, NULL, 0)); T(write(w, NULL, 1));
  T(lseek(w, 0, SEEK_CUR)); T(pread(rw, b, 4, 8)); T(pread(rw, b, 4, 10)); T(pread(rw, b, 4, 100)); T(pread(rw, b, 4, -1)); T(pwrite(rw, b, 1, -1)); T(pread(rw, b, 4, 0x7fffffffffffffff));
  T(pwrite(rw, "x", 0, 100)); what("f"); T(lseek(rw, 0, SEEK_CUR)); T(pwrite(rw, "end", 3, 20)); what("f"); T(pread(rw, b, 30, 8)); bytes("b", b, 15);
  T(lseek(rw, 2, SEEK_SET)); T(write(rw, "AB", 2)); T(lseek(rw, 0, SEEK_CUR)); T(read(rw, b, 2)); b[2] = 0; puts(b);
  int p[2]; pipe(p); T(pread(p[0], b, 1, 0)); T(pwrite(p[1], b, 1, 0)); T(read(p[1], b, 1)); T(write(p[0], b, 1)); T(write(p[1], NULL, 1)); T(write(p[1], "abc", 3)); T(read(p[0], NULL, 1)); T(read(p[0], b, 10));
  /* a buffer whose second page is missing */
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(page + 4096, 4096); memset(page, 'p', 4096);
  int big = open("big", O_RDWR | O_CREAT, 0600); T(write(big, page + 4090, 6)); T(pread(big, page + 4090, 6, 0)); T(pread(big, page + 4092, 4, 2)); T(pread(big, page + 4096, 1, 6)); T(pread(big, page + 4096, 1, 0)); T(write(big, page + 4096, 1)); what("big");
  T(write(p[1], page + 4096, 1)); T(write(p[1], page + 4090, 6)); T(read(p[0], b, 20));
  char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); T(pread(big, ro, 1, 0)); T(write(big, ro, 3)); T(pread(big, (char *)main, 4, 0));
  int z = open("/dev/zero", O_RDWR), n = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR); T(read(z, b, 8)); T(write(z, b, 8)); T(read(n, b, 8)); T(write(n, b, 8)); T(write(full, b, 8)); T(read(full, b, 8)); T(lseek(z, 5, SEEK_SET)); T(lseek(n, 5, SEEK_SET)); T(pread(n, b, 1, 5)); T(pwrite(n, b, 1, 5)); T(write(n, NULL, 5)); T(read(n, NULL, 5)); T(ftruncate(n, 0)); T(fsync(n));
}
