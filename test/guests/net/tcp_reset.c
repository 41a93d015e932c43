/* Resets: close with unread data, SO_LINGER with time 0, writing to who is gone, SIGPIPE. */
#include "net.h"
static volatile int pipes;
static void on_pipe(int s) { pipes++; }
int main(void) {
  int p[2]; char b[64]; struct linger now = {1, 0}; signal(SIGPIPE, on_pipe);
  tcp_pair(p); send(p[0], "unread", 6, 0); send(p[1], "kept", 4, 0); events(p[1], POLLIN, 1000); T(close(p[1])); POLLED(p[0]); T(recv(p[0], b, 64, 0)); T(recv(p[0], b, 64, 0)); T(recv(p[0], b, 64, 0)); T(send(p[0], b, 1, 0)); T(pipes); POLLED(p[0]); ERR(p[0]); T(getpeername(p[0], (void *)b, &(socklen_t){64})); close(p[0]);
  tcp_pair(p); setsockopt(p[1], SOL_SOCKET, SO_LINGER, &now, sizeof now); T(close(p[1])); T(send(p[0], b, 1, 0)); T(send(p[0], b, 1, 0)); T(pipes); T(recv(p[0], b, 1, 0)); close(p[0]);
  tcp_pair(p); T(close(p[1])); POLLED(p[0]); T(send(p[0], "first", 5, 0)); usleep(20000); POLLED(p[0]); T(send(p[0], "second", 6, 0)); T(pipes); T(recv(p[0], b, 64, 0)); T(send(p[0], b, 1, MSG_NOSIGNAL)); T(pipes); ERR(p[0]); close(p[0]);
  tcp_pair(p); T(shutdown(p[0], SHUT_WR)); send(p[1], "unread", 6, 0); events(p[0], POLLIN, 1000); T(close(p[0])); usleep(20000); POLLED(p[1]); T(recv(p[1], b, 1, 0)); ERR(p[1]); close(p[1]);
  int l = listener(2), c = client(port_of(l)); close(l); usleep(20000); POLLED(c); T(recv(c, b, 1, 0));
  tcp_pair(p); setsockopt(p[0], SOL_SOCKET, SO_LINGER, &now, sizeof now); struct linger g; socklen_t n = sizeof g; T(getsockopt(p[0], SOL_SOCKET, SO_LINGER, &g, &n)); T(g.l_onoff); T(g.l_linger); T(n); T(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &g, 4)); close(p[0]); usleep(20000); ERR(p[1]); ERR(p[1]); T(recv(p[1], b, 1, 0));
}
