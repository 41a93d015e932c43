/* MSG_PEEK, MSG_WAITALL, MSG_TRUNC, MSG_DONTWAIT, MSG_OOB without urgent data, SO_RCVLOWAT, FIONREAD. */
#include "net.h"
static void *later(void *a) { usleep(30000); send(*(int *)a, "world", 5, 0); return 0; }
int main(void) {
  int p[2], n; char b[64] = {0}; pthread_t t; tcp_pair(p);
  T(recv(p[1], b, 8, MSG_DONTWAIT)); T(send(p[0], "hello", 5, 0)); events(p[1], POLLIN, 1000); T(recv(p[1], b, 3, MSG_PEEK)); T(recv(p[1], b, 64, MSG_PEEK | MSG_DONTWAIT)); T(ioctl(p[1], FIONREAD, &n)); T(n);
  pthread_create(&t, 0, later, &p[0]); T(recv(p[1], b, 10, MSG_WAITALL)); puts(b); pthread_join(t, 0); T(ioctl(p[1], FIONREAD, &n)); T(n);
  send(p[0], "discard-me", 10, 0); events(p[1], POLLIN, 1000); T(recv(p[1], 0, 8, MSG_TRUNC)); T(recv(p[1], b, 64, MSG_TRUNC)); T(recv(p[1], b, 1, MSG_OOB)); T(recv(p[1], b, 1, MSG_ERRQUEUE));
  send(p[0], "short", 5, 0); shutdown(p[0], SHUT_WR); T(recv(p[1], b, 64, MSG_WAITALL)); T(recv(p[1], b, 64, MSG_WAITALL)); tcp_pair(p);
  OPT(p[1], SOL_SOCKET, SO_RCVLOWAT, 4); send(p[0], "ab", 2, 0); usleep(10000); HEX(events(p[1], POLLIN, 0)); send(p[0], "cd", 2, 0); HEX(events(p[1], POLLIN, 1000)); T(recv(p[1], b, 64, 0));
  T(ioctl(p[0], TIOCOUTQ, &n)); T(n); T(ioctl(p[0], FIONREAD, (void *)8)); T(ioctl(p[0], TCGETS, b)); T(ioctl(p[0], 0x1234, b)); send(p[0], "more", 4, MSG_MORE); T(recv(p[1], b, 64, 0));
  T(send(p[0], "rest", 4, MSG_EOR | MSG_CONFIRM)); T(recv(p[1], b, 64, 0)); int l = listener(1); T(ioctl(l, FIONREAD, &n)); T(recv(l, b, 1, 0));
}
