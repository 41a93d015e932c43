/* tcp(7): listen, connect, accept, names of both ends, data in both directions. */
#include "net.h"
int main(void) {
  int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0); char b[64] = {0};
  struct sockaddr_in a = in4("127.0.0.1", 0), q; socklen_t n = sizeof q;
  T(getsockname(l, (void *)&q, &n)); show("unbound", &q, n, 1); T(getpeername(l, (void *)&q, &n)); T(accept(l, 0, 0));
  T(bind(l, SA(a))); IS(port_of(l) > 0); T(listen(l, 5)); T(listen(l, 2)); a.sin_port = htons(port_of(l));
  T(connect(c, SA(a))); n = sizeof q; int x = accept(l, (void *)&q, &n); IS(x > 0); show("accepted", &q, n, 0); IS(ntohs(q.sin_port) == port_of(c));
  n = sizeof q; T(getpeername(c, (void *)&q, &n)); IS(q.sin_port == a.sin_port); n = sizeof q; T(getsockname(x, (void *)&q, &n)); show("server", &q, n, 0); IS(q.sin_port == a.sin_port);
  T(getpeername(l, (void *)&q, &n)); T(connect(c, SA(a))); T(connect(l, SA(a))); T(bind(c, SA(a))); T(listen(c, 1)); T(accept(c, 0, 0));
  T(send(c, "ping", 4, 0)); T(recv(x, b, 64, 0)); puts(b); T(write(x, "pong!", 5)); T(read(c, b, 2)); T(read(c, b, 64)); T(send(c, "", 0, 0));
  n = 5; T(getsockname(c, (void *)&q, &n)); T(n); n = -1; T(getsockname(c, (void *)&q, &n)); n = 16; T(getsockname(c, (void *)8, &n)); T(getsockname(c, (void *)&q, (void *)8));
  T(sendto(c, "abc", 3, 0, SA(a))); n = sizeof q; memset(&q, 7, sizeof q); T(recvfrom(x, b, 64, 0, (void *)&q, &n)); T(n);
  T(send(c, (void *)8, 4, 0)); T(send(c, "z", 1, 0)); T(recv(x, (void *)8, 1, 0)); T(recv(x, b, 8, 0));
  T(close(c)); T(recv(x, b, 1, 0)); T(recv(x, b, 1, 0)); T(close(x)); T(close(l)); T(close(l));
  T(recv(socket(AF_INET, SOCK_STREAM, 0), b, 1, 0)); signal(SIGPIPE, SIG_IGN); T(send(socket(AF_INET, SOCK_STREAM, 0), b, 1, 0)); T(shutdown(socket(AF_INET, SOCK_STREAM, 0), 2));
}
