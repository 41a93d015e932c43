/* socket(2): families, types and protocols that are there, and those that are not. */
#include "net.h"
int main(void) {
  int s[2];
  OK(socket(AF_INET, SOCK_STREAM, 0)); OK(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP)); OK(socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
  T(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP)); T(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP)); T(socket(AF_INET, SOCK_SEQPACKET, 0));
  T(socket(AF_INET, 77, 0)); T(socket(77, SOCK_STREAM, 0)); T(socket(AF_INET, SOCK_STREAM | 0x100, 0)); T(socket(AF_INET, SOCK_RDM, 0));
  T(socket(AF_INET, SOCK_STREAM, 9999)); T(socket(AF_INET, SOCK_RAW, 0)); T(socket(-1, SOCK_STREAM, 0));
  T(socketpair(AF_INET, SOCK_STREAM, 0, s)); T(socketpair(AF_INET6, SOCK_DGRAM, 0, s));
  int f = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); T(fcntl(f, F_GETFD)); HEX(fcntl(f, F_GETFL));
  struct stat st; T(fstat(f, &st)); HEX(st.st_mode); T(st.st_size); T(lseek(f, 0, SEEK_SET)); T(ftruncate(f, 0)); T(fsync(f));
  char b[8]; T(pread(f, b, 1, 0)); T(pwrite(f, b, 1, 0)); T(listen(99, 1)); T(listen(0x7fffffff, 1)); int p[2]; pipe(p); T(listen(p[0], 1)); T(accept(p[0], 0, 0)); T(shutdown(p[0], 2));
  T(send(p[1], "x", 1, 0)); T(recv(p[0], b, 1, 0)); T(bind(-1, 0, 0)); T(connect(p[0], 0, 0)); T(getsockname(p[0], 0, 0));
}
