/* AF_UNIX: what peers, closing, shutdown and poll make of each other (`net/unix/af_unix.c`). */
#include "check.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static void look(int fd) { struct pollfd p = {fd, 0x3fff & ~POLLMSG, 0}; int n = poll(&p, 1, 0); printf("poll %d %#x\n", n, p.revents); }
static void error_of(int fd) { int v = -1; socklen_t n = 4; getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &n); printf("error %d\n", v); }

int main(void) {
  int s[2] = {-5, -5}, kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  char b[9000];
  struct sockaddr_un u = {AF_UNIX, "\0states"};
  socklen_t n;
  /* A pair that is not made has its numbers told all the same. */
  T(socketpair(AF_UNIX, SOCK_STREAM, 6, s)); IS(s[0] >= 0); T(close(s[0])); T(socketpair(AF_INET, SOCK_STREAM, 0, s)); T(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < 3; i++) {
    int type = kinds[i];
    printf("kind %d\n", type);
    T(socketpair(AF_UNIX, type, 0, s)); look(s[0]); T(shutdown(s[0], SHUT_RDWR)); look(s[0]); look(s[1]); T(send(s[0], "a", 1, 0)); T(recv(s[0], b, 1, MSG_DONTWAIT)); T(recv(s[1], b, 1, MSG_DONTWAIT));
    close(s[0]); look(s[1]); T(send(s[1], "a", 1, 0)); T(send(s[1], "a", 1, 0)); T(recv(s[1], b, 1, MSG_DONTWAIT)); n = sizeof u; T(getpeername(s[1], (void *)b, &n)); T(shutdown(s[1], 2)); close(s[1]);
    T(socketpair(AF_UNIX, type, 0, s)); T(send(s[0], "ab", 2, 0)); close(s[1]); look(s[0]); error_of(s[0]); T(recv(s[0], b, 1, MSG_DONTWAIT)); close(s[0]);
    T(socketpair(AF_UNIX, type, 0, s)); T(send(s[0], "ab", 2, 0)); close(s[1]); T(send(s[0], "x", 1, 0)); T(send(s[0], "x", 1, 0)); close(s[0]);
    for (int how = 0; how < 2; how++) { T(socketpair(AF_UNIX, type, 0, s)); T(shutdown(s[0], how)); look(s[0]); look(s[1]); T(recv(s[how], b, 1, MSG_DONTWAIT)); T(send(s[1], "x", 1, 0)); T(send(s[0], "x", 1, 0)); close(s[0]); close(s[1]); }
    int a = socket(AF_UNIX, type, 0);
    look(a); T(send(a, "x", 1, 0)); T(recv(a, b, 1, MSG_DONTWAIT)); T(recv(a, b, 1, MSG_OOB)); T(listen(a, 1)); T(connect(a, (void *)&u, 2));
    T(bind(a, (void *)&u, 9)); T(bind(a, (void *)&u, 2)); T(bind(a, (void *)&(struct sockaddr_un){AF_UNIX, "no/where"}, 20)); T(bind(a, (void *)&(struct sockaddr_un){AF_UNIX, "there"}, 20)); T(access("there", F_OK));
    int c = socket(AF_UNIX, type | SOCK_NONBLOCK, 0), d = socket(AF_UNIX, type | SOCK_NONBLOCK, 0), e = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    if (type == SOCK_DGRAM) {
      T(connect(c, (void *)&u, 9)); int sent = 0; while (send(c, "x", 1, MSG_DONTWAIT) == 1) sent++;
      IS(sent < 1000); look(c); while (recv(a, b, 1, MSG_DONTWAIT) == 1); look(c); n = sizeof u; T(connect(a, (void *)&u, 9)); T(send(a, "self", 4, 0)); T(recv(a, b, 9, 0)); T(connect(d, (void *)&u, 9)); T(send(c, "x", 1, 0));
      T(connect(a, (void *)&(struct sockaddr_un){AF_UNSPEC}, 2)); T(send(c, "x", 1, 0)); close(a); look(c); T(send(c, "x", 1, 0)); T(send(c, "x", 1, 0));
    } else {
      T(listen(a, 0)); look(a); T(connect(a, (void *)&u, 9)); T(connect(c, (void *)&u, 9)); T(connect(c, (void *)&u, 9)); T(connect(d, (void *)&u, 9)); look(c); T(send(c, "hi", 2, 0)); look(a);
      T(send(a, "x", 1, 0)); T(recv(a, b, 1, MSG_DONTWAIT)); int f = accept(a, 0, 0); T(recv(f, b, 9, 0)); T(connect(d, (void *)&u, 9)); T(connect(e, (void *)&u, 9)); close(a); look(d); T(recv(d, b, 1, 0)); T(recv(d, b, 1, 0)); T(connect(e, (void *)&u, 9)); look(e); close(f);
      a = socket(AF_UNIX, type, 0); bind(a, (void *)&u, 9); listen(a, 1); T(shutdown(a, SHUT_RD)); look(a); T(accept(a, 0, 0)); fcntl(a, F_SETFL, O_NONBLOCK); T(accept(a, 0, 0)); T(connect(e, (void *)&u, 9)); close(a);
    }
    close(c); close(d); close(e);
  }
  /* SO_PEEK_OFF, SO_RCVLOWAT, MSG_WAITALL, and peeks over more than one message. */
  int five = 5, off = 0;
  struct timeval limit = {0, 50000};
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, s)); T(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, 4)); T(send(s[0], "abcdef", 6, 0)); T(send(s[0], "ghij", 4, 0));
  for (int i = 0; i < 6; i++) { memset(b, 0, 10); T(recv(s[1], b, 3, MSG_PEEK | MSG_DONTWAIT)); n = 4; getsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, &n); printf("[%s] %d\n", b, off); }
  T(recv(s[1], b, 4, 0)); off = -1; T(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &off, 4)); memset(b, 0, 10); T(recv(s[1], b, 30, MSG_PEEK)); puts(b); T(recv(s[1], b, 30, 0));
  T(setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &five, 4)); T(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit)); T(send(s[0], "abc", 3, 0)); T(recv(s[1], b, 10, 0)); T(recv(s[1], b, 10, 0)); T(send(s[0], "abcdefg", 7, 0)); T(recv(s[1], b, 10, 0));
  T(send(s[0], "ab", 2, 0)); T(recv(s[1], b, 7, MSG_WAITALL)); T(recv(s[1], 0, 0, 0)); T(send(s[0], b, 9000, 0)); T(recv(s[1], b, 9000, MSG_PEEK)); T(recv(s[1], b, 9000, MSG_WAITALL | MSG_PEEK)); T(recv(s[1], (void *)8, 10, 0)); T(recv(s[1], b, 9000, 0));
  limit.tv_sec = -1; T(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit)); T(recv(s[1], b, 1, 0));
  limit.tv_usec = 1000000; T(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
}
