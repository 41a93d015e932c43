/* TCP: a socket that connects to itself, what a shut socket answers, TCP_INQ, and options with names. */
#include "net.h"
int main(void) {
  char b[100];
  int s = socket(AF_INET, SOCK_STREAM, 0), p[2], value = 1;
  struct sockaddr_in any = in4("0.0.0.0", 0);
  T(bind(s, SA(any))); struct sockaddr_in self = in4("127.0.0.1", port_of(s));
  T(connect(s, SA(self))); T(connect(s, SA(self))); HEX(events(s, ALL_EVENTS, 0)); T(send(s, "self", 4, 0)); T(recv(s, b, 100, MSG_DONTWAIT)); T(shutdown(s, SHUT_WR)); T(recv(s, b, 100, MSG_DONTWAIT)); close(s);
  signal(SIGPIPE, SIG_IGN);
  tcp_pair(p); T(shutdown(p[0], SHUT_RDWR)); T(send(p[1], "x", 1, 0)); usleep(20000); T(recv(p[0], b, 1, MSG_DONTWAIT)); T(send(p[1], "x", 1, 0)); close(p[0]); close(p[1]);
  tcp_pair(p); T(setsockopt(p[1], SOL_TCP, 36 /* TCP_INQ */, &value, 4)); T(send(p[0], "abcdef", 6, 0)); HEX(events(p[1], POLLIN, 1000));
  struct iovec { void *p; size_t n; } v = {b, 2};
  struct msghdr m = {0, 0, (void *)&v, 1, b + 8, 64};
  T(recvmsg(p[1], &m, 0)); struct cmsghdr *c = CMSG_FIRSTHDR(&m); printf("%d %d %d\n", c->cmsg_level, c->cmsg_type, *(int *)CMSG_DATA(c));
  T(ioctl(p[0], 0x894b /* SIOCOUTQNSD */, &value)); T(value); T(ioctl(p[0], 0x8906 /* SIOCGSTAMP */, b));
  s = socket(AF_INET, SOCK_STREAM, 0);
  socklen_t n = 16;
  T(setsockopt(s, SOL_TCP, TCP_CONGESTION, "reno", 4)); T(getsockopt(s, SOL_TCP, TCP_CONGESTION, b, &n)); printf("%s %d\n", b, n); T(setsockopt(s, SOL_TCP, TCP_CONGESTION, "none", 4)); T(setsockopt(s, SOL_TCP, TCP_CONGESTION, "", 0)); T(setsockopt(s, SOL_TCP, TCP_ULP, "none", 4));
  int segments[] = {1, 87, 88, 32767, 32768, 0};
  for (int i = 0; i < 6; i++) { T(setsockopt(s, SOL_TCP, TCP_MAXSEG, &segments[i], 4)); n = 4; getsockopt(s, SOL_TCP, TCP_MAXSEG, &value, &n); T(value); }
  int lingers[] = {-5, 0, 5, 121, INT_MAX}, defers[] = {-1, 3, 1000};
  for (int i = 0; i < 5; i++) { T(setsockopt(s, SOL_TCP, TCP_LINGER2, &lingers[i], 4)); getsockopt(s, SOL_TCP, TCP_LINGER2, &value, &n); T(value); }
  for (int i = 0; i < 3; i++) { T(setsockopt(s, SOL_TCP, TCP_DEFER_ACCEPT, &defers[i], 4)); getsockopt(s, SOL_TCP, TCP_DEFER_ACCEPT, &value, &n); T(value); }
  T(setsockopt(s, SOL_TCP, TCP_NODELAY, b, 1)); T(setsockopt(s, SOL_IP, IP_TTL, b, 1));
  T(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2)); n = 16; T(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, b, &n)); printf("%.*s %d\n", n, b, n); T(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "none", 4)); T(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "", 0)); n = 16; T(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, b, &n)); T(n);
}
