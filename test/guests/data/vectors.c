#include "files.h"
#define V(...) (struct iovec[]){__VA_ARGS__}
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600); char a[8] = {0}, b[8] = {0}, c[8] = {0};
  T(writev(fd, V({"one", 3}, {"", 0}, {"three", 5}), 3)); show("f"); T(writev(fd, NULL, 0)); T(writev(fd, NULL, 1)); T(writev(fd, V({"x", 1}), -1)); T(writev(fd, V({"x", 1}), 1025));
  T(writev(fd, V({"x", -1}), 1)); T(writev(fd, V({"x", 1}, {"y", -1}), 2)); T(writev(fd, V({NULL, 0}), 1)); T(writev(fd, V({NULL, 1}), 1)); T(writev(fd, V({"ok", 2}, {NULL, 3}), 2)); show("f");
  T(writev(fd, V({NULL, 3}, {"ok", 2}), 2)); show("f"); T(lseek(fd, 0, SEEK_SET)); T(readv(fd, V({a, 2}, {b, 0}, {c, 4}), 3)); printf("%s|%s|%s\n", a, b, c); T(readv(fd, V({a, 1}, {NULL, 1}), 2)); T(readv(fd, V({NULL, 1}, {a, 1}), 2)); T(lseek(fd, 0, SEEK_CUR));
  T(readv(fd, V({a, 8}, {b, 8}), 2)); T(readv(fd, V({a, 8}, {b, 8}), 2)); T(preadv(fd, V({a, 2}, {b, 2}), 2, 3)); bytes("a", a, 2); bytes("b", b, 2); T(preadv(fd, V({a, 2}), 1, -1)); T(preadv(fd, V({a, 2}), 1, 1000)); T(pwritev(fd, V({"PQ", 2}, {"R", 1}), 2, 1)); show("f"); T(pwritev(fd, V({"x", 1}), 1, -1)); T(lseek(fd, 0, SEEK_CUR));
  int r = open("f", O_RDONLY), w = open("f", O_WRONLY); T(writev(r, V({"x", 1}), 1)); T(readv(w, V({a, 1}), 1)); T(readv(-1, V({a, 1}), 1)); T(readv(r, NULL, 0)); T(readv(w, NULL, 0)); T(readv(open(".", O_RDONLY), V({a, 1}), 1));
  struct iovec many[1024]; for (int i = 0; i < 1024; i++) many[i] = (struct iovec){"m", 1}; int m = open("m", O_RDWR | O_CREAT, 0600); T(writev(m, many, 1024)); what("m");
  int p[2]; pipe2(p, O_NONBLOCK); T(writev(p[1], V({"ab", 2}, {"cd", 2}), 2)); T(readv(p[0], V({a, 1}, {b, 1}, {c, 1}), 3)); printf("%c%c%c\n", a[0], b[0], c[0]); T(readv(p[0], V({a, 4}), 1)); T(readv(p[0], V({a, 4}), 1)); T(preadv(p[0], V({a, 4}), 1, 0)); T(preadv2(p[0], V({a, 4}), 1, -1, 0)); T(writev(p[1], V({"ok", 2}, {NULL, 2}), 2)); T(read(p[0], a, 8));
  T(preadv2(fd, V({a, 2}), 1, 0, 0)); T(preadv2(fd, V({a, 2}), 1, -1, 0)); T(preadv2(fd, V({a, 2}), 1, -2, 0)); T(preadv2(fd, V({a, 2}), 1, 0, 0x10000)); T(preadv2(fd, V({a, 2}), 1, 0, RWF_HIPRI)); T(preadv2(fd, V({a, 2}), 1, 0, RWF_SYNC)); T(preadv2(fd, V({a, 2}), 1, 0, RWF_DSYNC)); T(preadv2(fd, V({a, 2}), 1, 0, RWF_APPEND)); 
  T(pwritev2(fd, V({"zz", 2}), 1, 0, RWF_APPEND)); show("f"); T(lseek(fd, 0, SEEK_CUR)); T(pwritev2(fd, V({"s", 1}), 1, 0, RWF_SYNC)); T(pwritev2(fd, V({"d", 1}), 1, -1, RWF_DSYNC)); show("f"); T(lseek(fd, 0, SEEK_CUR)); T(pwritev2(fd, V({"y", 1}), 1, -1, RWF_APPEND)); T(lseek(fd, 0, SEEK_CUR)); show("f"); T(pwritev2(fd, V({"h", 1}), 1, 0, RWF_HIPRI)); T(pwritev2(r, V({"h", 1}), 1, 0, 0)); T(pwritev2(fd, V({"x", 1}), 1, -2, 0)); T(pwritev2(fd, V({"x", 1}), 1, 0, 1 << 20));
  /* RWF_NOAPPEND came with Linux 6.9 */ 
  pipe2(p, 0); T(preadv2(p[0], V({a, 4}), 1, -1, RWF_NOWAIT)); T(pwritev2(p[1], V({"q", 1}), 1, -1, RWF_NOWAIT)); T(preadv2(p[0], V({a, 4}), 1, -1, RWF_NOWAIT)); T(preadv2(open(".", O_RDONLY), V({a, 4}), 1, -1, 0));
}
