/* shutdown(2): each half by itself, both, again, and what the other end reads and polls. */
#include "net.h"
int main(void) {
  int p[2]; char b[64]; signal(SIGPIPE, SIG_IGN);
  tcp_pair(p); T(send(p[0], "last", 4, 0)); T(shutdown(p[0], SHUT_WR)); T(send(p[0], "x", 1, 0)); POLLED(p[1]); T(recv(p[1], b, 64, 0)); T(recv(p[1], b, 64, 0)); T(recv(p[1], b, 64, 0)); POLLED(p[1]); POLLED(p[0]);
  T(send(p[1], "back", 4, 0)); T(recv(p[0], b, 64, 0)); T(shutdown(p[1], SHUT_WR)); T(recv(p[0], b, 64, 0)); POLLED(p[0]); POLLED(p[1]); T(shutdown(p[0], SHUT_WR)); T(shutdown(p[1], SHUT_RD)); T(getpeername(p[1], (void *)b, &(socklen_t){64})); close(p[0]); close(p[1]);
  tcp_pair(p); T(shutdown(p[0], SHUT_RD)); T(recv(p[0], b, 64, 0)); POLLED(p[0]); T(send(p[1], "late", 4, 0)); T(recv(p[0], b, 64, 0)); T(recv(p[0], b, 64, 0)); POLLED(p[1]); close(p[0]); close(p[1]);
  tcp_pair(p); T(shutdown(p[0], SHUT_RDWR)); POLLED(p[0]); T(recv(p[0], b, 1, 0)); T(send(p[0], b, 1, 0)); POLLED(p[1]); T(shutdown(p[0], 7)); T(shutdown(p[0], -1)); T(recv(p[1], b, 1, 0)); close(p[0]); close(p[1]);
  int l = listener(1); T(shutdown(l, SHUT_WR)); POLLED(l); T(shutdown(l, SHUT_RD)); POLLED(l); T(accept(l, 0, 0)); T(listen(l, 1)); POLLED(l); int c = client(port_of(l)); IS(accept(l, 0, 0) > 0);
}
