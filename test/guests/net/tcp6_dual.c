/* IPv6: ::1, dual-stack listeners with mapped addresses, IPV6_V6ONLY. */
#include "net.h"
static void run(const char *name, int v6only, const char *bind_to) {
  int l = socket(AF_INET6, SOCK_STREAM, 0); struct sockaddr_in6 a = in6(bind_to, 0), q; socklen_t n; printf("-- %s\n", name);
  T(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, 4)); T(bind(l, SA(a))); T(listen(l, 4)); int port = port_of(l); n = sizeof q; T(getsockname(l, (void *)&q, &n)); show("bound", &q, n, 0);
  struct sockaddr_in c4 = in4("127.0.0.1", port); int c = socket(AF_INET, SOCK_STREAM, 0); T(connect(c, SA(c4))); struct sockaddr_in6 c6 = in6("::1", port); int d = socket(AF_INET6, SOCK_STREAM, 0); T(connect(d, SA(c6))); struct sockaddr_in6 m = in6("::ffff:127.0.0.1", port); int e = socket(AF_INET6, SOCK_STREAM, 0); T(connect(e, SA(m)));
  fcntl(l, F_SETFL, O_NONBLOCK); for (int i = 0; i < 3; i++) { n = sizeof q; int x = accept(l, (void *)&q, &n); if (x < 0) { printf("accept: %s\n", strerrorname_np(errno)); break; } show("from", &q, n, 0); n = sizeof q; getsockname(x, (void *)&q, &n); show("at", &q, n, 0); }
  n = sizeof q; T(getpeername(e, (void *)&q, &n)); n = sizeof q; if (!getsockname(e, (void *)&q, &n)) show("mapped", &q, n, 0); close(c); close(d); close(e); close(l);
}
int main(void) {
  run("dual", 0, "::"); run("only", 1, "::"); run("loopback", 0, "::1"); run("mapped", 0, "::ffff:127.0.0.1");
  int v = socket(AF_INET6, SOCK_STREAM, 0), on = 1; struct sockaddr_in6 m = in6("::ffff:127.0.0.1", 0), any = in6("::", 0); setsockopt(v, IPPROTO_IPV6, IPV6_V6ONLY, &on, 4); T(bind(v, SA(m))); T(bind(v, SA(any)));
  int l = listener(1); struct sockaddr_in z = in4("0.0.0.0", port_of(l)); int c = socket(AF_INET, SOCK_STREAM, 0); T(connect(c, SA(z))); struct sockaddr_in q; socklen_t n = sizeof q; getpeername(c, (void *)&q, &n); show("peer of 0.0.0.0", &q, n, 0);
}
