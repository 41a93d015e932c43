#include "check.h"
#include <poll.h>
#include <sys/select.h>
int main(void) {
  int p[2]; pipe(p); struct pollfd f[3] = {{p[0], POLLIN}, {p[1], POLLOUT}, {-1, POLLIN}}; T(poll(f, 3, 0)); HEX(f[0].revents); HEX(f[1].revents); write(p[1], "x", 1); T(poll(f, 3, -1)); HEX(f[0].revents); f[2].fd = 99; T(poll(f, 3, 0)); HEX(f[2].revents); char c; read(p[0], &c, 1); T(poll(f, 1, 20)); close(p[1]); T(poll(f, 1, -1)); HEX(f[0].revents); int q[2]; pipe(q); close(q[0]); struct pollfd g = {q[1], POLLOUT}; T(poll(&g, 1, 0)); HEX(g.revents); T(poll(0, 0, 5)); T(poll((void *)8, 1, 0)); int reg = open("f", O_CREAT | O_RDWR, 0600); g = (struct pollfd){reg, POLLIN | POLLOUT | POLLPRI}; T(poll(&g, 1, 0)); HEX(g.revents); fd_set r, w; FD_ZERO(&r); FD_ZERO(&w); FD_SET(reg, &r); FD_SET(q[1], &w); struct timeval tv = {0, 1000}; T(select(q[1] + 1, &r, &w, 0, &tv)); FD_ZERO(&r); T(select(0, 0, 0, 0, &tv)); FD_SET(50, &r); T(select(51, &r, 0, 0, &tv)); T(select(-1, 0, 0, 0, &tv)); tv.tv_sec = -1; T(select(0, 0, 0, 0, &tv)); struct timespec ts = {0, 1000000}; T(ppoll(0, 0, &ts, 0)); T(pselect(0, 0, 0, 0, &ts, 0));
}
