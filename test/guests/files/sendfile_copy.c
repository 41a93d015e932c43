#include "check.h"
#include <sys/sendfile.h>
int main(void) {
  char b[32] = {0}; int a = open("a", O_RDWR | O_CREAT, 0600), c = open("c", O_RDWR | O_CREAT, 0600), p[2]; write(a, "0123456789", 10); pipe(p);
  off_t off = 2; T(sendfile(c, a, &off, 4)); T(off); T(lseek(a, 0, SEEK_CUR)); lseek(a, 0, SEEK_SET); T(sendfile(c, a, 0, 100)); T(lseek(a, 0, SEEK_CUR)); T(pread(c, b, 32, 0)); puts(b); T(sendfile(c, p[0], 0, 4)); T(sendfile(c, -1, 0, 4)); T(sendfile(p[1], a, &off, 3)); memset(b, 0, 32); T(read(p[0], b, 32)); puts(b);
  off_t i = 1, o = 20; T(copy_file_range(a, &i, c, &o, 5, 0)); T(i); T(o); T(copy_file_range(a, &i, c, &o, 5, 1)); T(copy_file_range(a, &i, p[1], 0, 5, 0)); T(copy_file_range(a, 0, a, 0, 5, 0));
  i = 0; T(splice(a, &i, p[1], 0, 6, 0)); T(i); T(splice(p[0], 0, c, 0, 6, 0)); T(splice(a, 0, c, 0, 6, 0)); T(tee(p[0], p[1], 4, 0)); int q[2]; pipe(q); write(p[1], "teetee", 6); T(tee(p[0], q[1], 3, 0)); memset(b, 0, 32); T(read(q[0], b, 32)); puts(b); memset(b, 0, 32); T(read(p[0], b, 32)); puts(b);
}
