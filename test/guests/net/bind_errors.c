/* bind(2): conflicts with and without SO_REUSEADDR and SO_REUSEPORT, foreign addresses, low ports. */
#include "net.h"
static int sock(int type, int option) { int s = socket(AF_INET, type, 0), on = 1; if (option) setsockopt(s, SOL_SOCKET, option, &on, 4); return s; }
static void low(void) { setresuid(65534, 65534, 65534); struct sockaddr_in a = in4("127.0.0.1", 80); T(bind(sock(SOCK_STREAM, 0), SA(a))); T(bind(sock(SOCK_DGRAM, 0), SA(a))); a.sin_port = htons(1023); T(bind(sock(SOCK_STREAM, 0), SA(a))); }
int main(void) {
  int l = listener(1), port = port_of(l); struct sockaddr_in a = in4("127.0.0.1", port), any = in4("0.0.0.0", port), two = in4("127.0.0.2", port), far = in4("192.0.2.1", 0); struct sockaddr_in6 b = in6("::1", port), any6 = in6("::", port), far6 = in6("2001:db8::1", 0);
  T(bind(sock(SOCK_STREAM, 0), SA(a))); T(bind(sock(SOCK_STREAM, 0), SA(any))); T(bind(sock(SOCK_STREAM, 0), SA(two))); T(bind(sock(SOCK_STREAM, SO_REUSEADDR), SA(a))); T(bind(sock(SOCK_STREAM, SO_REUSEPORT), SA(a))); T(bind(sock(SOCK_DGRAM, 0), SA(a)));
  T(bind(socket(AF_INET6, SOCK_STREAM, 0), SA(b))); T(bind(socket(AF_INET6, SOCK_STREAM, 0), SA(any6))); int on = 1, v = socket(AF_INET6, SOCK_STREAM, 0); setsockopt(v, IPPROTO_IPV6, IPV6_V6ONLY, &on, 4); T(bind(v, SA(any6)));
  T(bind(sock(SOCK_STREAM, 0), SA(far))); T(bind(sock(SOCK_DGRAM, 0), SA(far))); T(bind(socket(AF_INET6, SOCK_STREAM, 0), SA(far6))); int f = sock(SOCK_STREAM, 0); setsockopt(f, IPPROTO_IP, IP_FREEBIND, &on, 4); T(bind(f, SA(far))); T(bind(f, SA(far))); T(bind(l, SA(a)));
  T(bind(sock(SOCK_STREAM, 0), (void *)&a, 8)); T(bind(sock(SOCK_STREAM, 0), (void *)&a, 200)); T(bind(sock(SOCK_STREAM, 0), (void *)8, 16)); T(bind(sock(SOCK_STREAM, 0), SA(b))); T(bind(socket(AF_INET6, SOCK_STREAM, 0), (void *)&a, 28)); struct sockaddr_in u = in4("0.0.0.0", 0); u.sin_family = AF_UNSPEC; T(bind(sock(SOCK_STREAM, 0), SA(u))); u = in4("127.0.0.1", 0); u.sin_family = AF_UNSPEC; T(bind(sock(SOCK_STREAM, 0), SA(u)));
  int r1 = sock(SOCK_STREAM, SO_REUSEADDR), r2 = sock(SOCK_STREAM, SO_REUSEADDR); u = in4("127.0.0.1", 0); T(bind(r1, SA(u))); u.sin_port = htons(port_of(r1)); T(bind(r2, SA(u))); T(listen(r1, 1)); T(listen(r2, 1));
  int q1 = sock(SOCK_STREAM, SO_REUSEPORT), q2 = sock(SOCK_STREAM, SO_REUSEPORT), q3 = sock(SOCK_STREAM, 0); u.sin_port = 0; T(bind(q1, SA(u))); u.sin_port = htons(port_of(q1)); T(bind(q2, SA(u))); T(bind(q3, SA(u))); T(listen(q1, 1)); T(listen(q2, 1));
  int d1 = sock(SOCK_DGRAM, SO_REUSEADDR), d2 = sock(SOCK_DGRAM, SO_REUSEADDR), d3 = sock(SOCK_DGRAM, 0); u.sin_port = 0; T(bind(d1, SA(u))); u.sin_port = htons(port_of(d1)); T(bind(d2, SA(u))); T(bind(d3, SA(u)));
  int c = client(port), x = accept(l, 0, 0); close(l); T(bind(sock(SOCK_STREAM, 0), SA(a))); T(bind(sock(SOCK_STREAM, SO_REUSEADDR), SA(a))); (void)c; (void)x; CHILD(low);
}
