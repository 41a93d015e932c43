/* What poll(2) says of a TCP socket in each of its states. */
#include "net.h"
int main(void) {
  int p[2]; char b[4096] = {0}; int s = socket(AF_INET, SOCK_STREAM, 0); POLLED(s); struct sockaddr_in a = in4("127.0.0.1", 0); bind(s, SA(a)); POLLED(s); listen(s, 3); POLLED(s);
  int c = client(port_of(s)); events(s, POLLIN, 1000); POLLED(s); int x = accept(s, 0, 0); POLLED(s); POLLED(c); POLLED(x); send(c, "x", 1, 0); events(x, POLLIN, 1000); POLLED(x); recv(x, b, 1, 0); POLLED(x);
  shutdown(c, SHUT_WR); events(x, POLLIN, 1000); POLLED(x); POLLED(c); shutdown(x, SHUT_WR); events(c, POLLIN, 1000); POLLED(c); POLLED(x); close(x); POLLED(c); tcp_pair(p);
  fcntl(p[0], F_SETFL, O_NONBLOCK); while (send(p[0], b, sizeof b, 0) > 0); IS(errno == EAGAIN); usleep(20000); while (send(p[0], b, sizeof b, 0) > 0); HEX(events(p[0], POLLOUT, 0)); long got = 0; int r; fcntl(p[1], F_SETFL, O_NONBLOCK);
  for (int i = 0; i < 200; i++) { while ((r = recv(p[1], b, sizeof b, 0)) > 0) got += r; if (events(p[0], POLLOUT, 1) & POLLOUT) break; } IS(got > 65536); HEX(events(p[0], POLLOUT, 1000)); close(p[1]); events(p[0], POLLIN, 1000);
  int l2 = listener(0); int c2 = client(port_of(l2)); HEX(events(l2, POLLIN | POLLOUT, 1000)); POLLED(socket(AF_INET, SOCK_DGRAM, 0)); struct pollfd q[3] = {{-1, POLLIN, 9}, {99, POLLIN, 0}, {l2, POLLIN, 0}}; T(poll(q, 3, 0)); HEX(q[0].revents); HEX(q[1].revents); HEX(q[2].revents);
}
