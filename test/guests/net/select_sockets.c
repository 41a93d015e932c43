/* select(2) over sockets. */
#include "net.h"
#include <sys/select.h>
static void look(const char *what, int a, int b, int us) { fd_set r, w, x; FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&x); FD_SET(a, &r); FD_SET(b, &r); FD_SET(a, &w); FD_SET(a, &x); struct timeval t = {0, us}; int n = select((a > b ? a : b) + 1, &r, &w, &x, &t); printf("%s: %d in %d %d out %d except %d\n", what, n, !!FD_ISSET(a, &r), !!FD_ISSET(b, &r), !!FD_ISSET(a, &w), !!FD_ISSET(a, &x)); fflush(stdout); }
int main(void) {
  int p[2], u = udp("127.0.0.1"), l = listener(1); char b[8]; tcp_pair(p); look("idle", p[1], u, 0); send(p[0], "x", 1, 0); events(p[1], POLLIN, 1000); look("data", p[1], u, 100000); recv(p[1], b, 1, 0); struct sockaddr_in a = in4("127.0.0.1", port_of(u)); sendto(u, "y", 1, 0, SA(a)); look("udp", p[1], u, 100000); recv(u, b, 1, 0); close(p[0]); events(p[1], POLLIN, 1000); look("closed", p[1], u, 0); look("listener", l, u, 1000); int c = client(port_of(l)); events(l, POLLIN, 1000); look("pending", l, u, 0); look("fresh", socket(AF_INET, SOCK_STREAM, 0), u, 0); fd_set r; FD_ZERO(&r); struct timeval t = {0, 0}; T(select(1 << 20, &r, 0, 0, &t)); FD_SET(60, &r); T(select(61, &r, 0, 0, &t)); T(select(-1, 0, 0, 0, &t));
}
