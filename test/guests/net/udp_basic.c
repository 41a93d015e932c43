/* udp(7): sendto, recvfrom, automatic ports, empty datagrams, sizes, errors. */
#include "net.h"
int main(void) {
  int a = udp("127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0); char t[70000] = {0}; struct sockaddr_in to = in4("127.0.0.1", port_of(a)), q, none = in4("127.0.0.1", 0); socklen_t n = sizeof q; int k;
  T(port_of(b)); T(sendto(b, "one", 3, 0, SA(to))); IS(port_of(b) > 0); getsockname(b, (void *)&q, &n); show("sender", &q, n, 0); n = sizeof q; T(recvfrom(a, t, 100, 0, (void *)&q, &n)); show("from", &q, n, 0); IS(ntohs(q.sin_port) == port_of(b)); puts(t);
  T(sendto(b, "", 0, 0, SA(to))); HEX(events(a, POLLIN, 1000)); T(recv(a, t, 10, 0)); T(recv(a, t, 10, MSG_DONTWAIT)); T(send(b, "x", 1, 0)); T(write(b, "x", 1)); T(sendto(b, "x", 1, 0, SA(none))); T(sendto(b, "x", 1, 0, (void *)&to, 8)); struct sockaddr_in6 six = in6("::1", 9); T(sendto(b, "x", 1, 0, SA(six)));
  T(sendto(b, t, 65507, 0, SA(to))); T(recv(a, t, sizeof t, 0)); T(sendto(b, t, 65508, 0, SA(to))); T(sendto(b, t, 70000, 0, SA(to))); T(sendto(b, "x", 1, MSG_OOB, SA(to))); T(recv(a, t, 1, MSG_OOB | MSG_DONTWAIT)); T(sendto(b, (void *)8, 4, 0, SA(to))); T(listen(a, 1)); T(accept(a, 0, 0));
  sendto(b, "abc", 3, 0, SA(to)); sendto(b, "defgh", 5, 0, SA(to)); T(ioctl(a, FIONREAD, &k)); T(k); T(read(a, t, 2)); T(ioctl(a, FIONREAD, &k)); T(k); T(recvfrom(a, (void *)8, 5, 0, 0, 0)); T(recv(a, t, 1, MSG_DONTWAIT)); T(ioctl(a, FIONREAD, &k)); T(k); T(shutdown(a, SHUT_RD)); T(getpeername(a, (void *)&q, &n)); POLLED(a);
  struct sockaddr_in bc = in4("255.255.255.255", 9); T(sendto(b, "x", 1, 0, SA(bc))); struct sockaddr_in z = in4("0.0.0.0", port_of(a)); T(sendto(b, "zero", 4, 0, SA(z))); n = sizeof q; T(recvfrom(a, t, 10, 0, (void *)&q, &n)); show("from", &q, n, 0);
}
