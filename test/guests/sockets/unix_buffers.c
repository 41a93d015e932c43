/* SO_SNDBUF and SO_RCVBUF of unix sockets: what is kept, what a sender may leave unread, EMSGSIZE. */
#include "check.h"
#include <sys/socket.h>
static char b[300000];
static void set(int s, int o, int v) { socklen_t n = 4; int g = -1; T(setsockopt(s, SOL_SOCKET, o, &v, 4)); getsockopt(s, SOL_SOCKET, o == SO_SNDBUFFORCE ? SO_SNDBUF : o == SO_RCVBUFFORCE ? SO_RCVBUF : o, &g, &n); printf("%d -> %d\n", v, g); }
int main(void) {
  int s[2], types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (int t = 0; t < 3; t++) {
    socketpair(AF_UNIX, types[t], 0, s); printf("type %d\n", types[t]);
    for (int o = 0; o < 4; o++) { int k = (int[]){SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE}[o]; set(s[0], k, 1); set(s[0], k, 0); set(s[0], k, 10000); set(s[0], k, 50000); set(s[0], k, 5); }
    set(s[0], SO_SNDBUF, 1); long n = send(s[0], b, 16384, MSG_DONTWAIT); int e = errno; if (t) { T(n); IS(e == EMSGSIZE); } else IS(n > 2000 && n < 9000);
    if (t == 0) { T(send(s[0], b, 16384, MSG_DONTWAIT)); set(s[0], SO_SNDBUF, 100000); IS(send(s[0], b, 16384, MSG_DONTWAIT) == 16384); }
    else { T(send(s[0], b, 4608 - 31, MSG_DONTWAIT)); T(send(s[0], b, 4608 - 32, MSG_DONTWAIT)); T(recv(s[1], b, sizeof b, 0)); set(s[0], SO_SNDBUF, 200000); T(send(s[0], b, 300000, MSG_DONTWAIT)); T(send(s[0], b, 200000, MSG_DONTWAIT)); }
    close(s[0]); close(s[1]);
  }
}
