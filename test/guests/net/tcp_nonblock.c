/* Non-blocking connect(2) and accept(2): EINPROGRESS, EALREADY, EISCONN, SO_ERROR. */
#include "net.h"
int main(void) {
  int l = listener(4), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); char b[8];
  struct sockaddr_in a = in4("127.0.0.1", port_of(l)); fcntl(l, F_SETFL, O_NONBLOCK);
  T(accept(l, 0, 0)); T(connect(c, SA(a))); HEX(events(c, POLLOUT, 1000)); ERR(c); T(connect(c, SA(a))); T(connect(c, SA(a)));
  T(recv(c, b, 1, 0)); HEX(events(l, POLLIN, 1000)); int x = accept4(l, 0, 0, SOCK_CLOEXEC); IS(x > 0); HEX(fcntl(x, F_GETFL)); T(fcntl(x, F_GETFD)); T(accept(l, 0, 0));
  T(accept4(l, 0, 0, 0x10)); int y = client(port_of(l)), z = accept4(l, 0, 0, SOCK_NONBLOCK); HEX(fcntl(z, F_GETFL)); T(recv(z, b, 1, 0)); close(y);
  int gone = listener(1); a.sin_port = htons(port_of(gone)); close(gone);
  int d = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); T(connect(d, SA(a))); HEX(events(d, POLLOUT | POLLIN, 1000)); ERR(d); ERR(d); POLLED(d); T(send(d, "x", 1, MSG_NOSIGNAL)); T(recv(d, b, 1, 0));
  int e = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); T(connect(e, SA(a))); events(e, POLLOUT, 1000); T(connect(e, SA(a)));
  int f = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); T(connect(f, SA(a))); events(f, POLLOUT, 1000); T(recv(f, b, 1, 0)); T(recv(f, b, 1, 0));
  int on = 1; T(ioctl(x, FIONBIO, &on)); T(recv(x, b, 1, 0)); on = 0; T(ioctl(x, FIONBIO, &on)); HEX(fcntl(x, F_GETFL));
}
