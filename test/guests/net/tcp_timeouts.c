/* SO_RCVTIMEO and SO_SNDTIMEO on every call that waits. */
#include "net.h"
int main(void) {
  int p[2], l = listener(1); char b[65536] = {0}; struct timeval tv = {0, 30000}, g; socklen_t n = sizeof g; struct iovec v[2] = {{b, 4}, {b + 4, 4}}; struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
  tcp_pair(p); T(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &g, &n)); T(g.tv_sec); T(g.tv_usec); T(n);
  T(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); T(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv)); n = sizeof g; T(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &g, &n)); T(g.tv_sec); IS(g.tv_usec >= 28000 && g.tv_usec <= 36000);
  T(recv(p[0], b, 1, 0)); T(read(p[0], b, 1)); T(readv(p[0], v, 2)); T(recvmsg(p[0], &m, 0)); send(p[1], "ab", 2, 0); T(recv(p[0], b, 4, MSG_WAITALL));
  T(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); T(accept(l, 0, 0)); long sent = 0, r; while ((r = write(p[0], b, sizeof b)) > 0) sent += r; IS(sent > 4096); T(r); printf("%s\n", strerrorname_np(errno));
  tv.tv_usec = 1000000; T(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); tv.tv_usec = 0; T(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, 8)); T(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, (void *)8, 16));
  int u = udp("127.0.0.1"); tv = (struct timeval){0, 30000}; T(setsockopt(u, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); T(recv(u, b, 1, 0));
}
