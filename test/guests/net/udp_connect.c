/* Connected datagram sockets: the default destination, the filter, ECONNREFUSED, dissolving. */
#include "net.h"
int main(void) {
  int a = udp("127.0.0.1"), b = udp("127.0.0.1"), c = udp("127.0.0.1"); char t[64] = {0}; struct sockaddr_in pa = in4("127.0.0.1", port_of(a)), pb = in4("127.0.0.1", port_of(b)), pc = in4("127.0.0.1", port_of(c)), q; socklen_t n = sizeof q;
  T(connect(b, SA(pa))); T(getpeername(b, (void *)&q, &n)); IS(q.sin_port == pa.sin_port); T(send(b, "hi", 2, 0)); T(recv(a, t, 64, 0)); T(sendto(c, "stranger", 8, 0, SA(pb))); T(recv(b, t, 64, MSG_DONTWAIT)); T(sendto(a, "friend", 6, 0, SA(pb))); T(recv(b, t, 64, 0)); T(sendto(b, "elsewhere", 9, 0, SA(pc))); T(recv(c, t, 64, 0));
  T(connect(b, SA(pc))); T(send(b, "moved", 5, 0)); T(recv(c, t, 64, 0)); close(c); T(send(b, "lost", 4, 0)); usleep(20000); POLLED(b); T(send(b, "again", 5, 0)); usleep(20000); T(recv(b, t, 1, MSG_DONTWAIT)); T(send(b, "x", 1, 0)); usleep(20000); ERR(b); ERR(b); T(recv(b, t, 1, MSG_DONTWAIT));
  struct sockaddr u = {.sa_family = AF_UNSPEC}; T(connect(b, &u, sizeof u)); T(getpeername(b, (void *)&q, &n)); T(send(b, "x", 1, 0)); T(connect(b, (void *)&pa, 4)); T(shutdown(b, SHUT_WR)); int d = socket(AF_INET, SOCK_DGRAM, 0); T(connect(d, SA(pa))); n = sizeof q; getsockname(d, (void *)&q, &n); show("local", &q, n, 0); T(shutdown(d, SHUT_WR)); T(send(d, "x", 1, MSG_NOSIGNAL)); POLLED(d); T(shutdown(d, SHUT_RD)); T(recv(d, t, 1, 0)); POLLED(d);
  int e = socket(AF_INET, SOCK_DGRAM, 0); T(sendto(e, "x", 1, 0, SA(pc))); usleep(20000); T(recv(e, t, 1, MSG_DONTWAIT)); POLLED(e);
}
