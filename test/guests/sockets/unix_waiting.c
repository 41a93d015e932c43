// flags: -pthread
/* AF_UNIX: who is woken by what: full receivers, ends of connections, time limits of connect(2), edges of epoll(7). */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

static int fd;
static long result;
static int error;
static void *receives(void *flags) { char b[10]; result = recv(fd, b, 10, (long)flags); error = errno; return 0; }
static void *accepts(void *none) { (void)none; result = accept(fd, 0, 0); error = errno; return 0; }
static void *sends(void *none) { (void)none; result = send(fd, "x", 1, MSG_NOSIGNAL); error = errno; return 0; }
static void *polls(void *none) { (void)none; struct pollfd p = {fd, POLLOUT, 0}; result = poll(&p, 1, 20000) == 1 ? p.revents : -2; return 0; }
#define WHILE(work, flags, what) do { pthread_t t; pthread_create(&t, 0, work, (void *)(long)(flags)); usleep(30000); what; pthread_join(t, 0); printf("%s while %s: %ld %s\n", #work, #what, result, result == -1 ? strerrorname_np(error) : ""); } while (0)

int main(void) {
  int s[2], kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  char b[10];
  struct sockaddr_un u = {AF_UNIX, "\0waiting"};
  for (int i = 0; i < 3; i++) {
    int kind = kinds[i];
    printf("kind %d\n", kind);
    socketpair(AF_UNIX, kind, 0, s); fd = s[0]; WHILE(receives, 0, shutdown(s[0], SHUT_RD)); close(s[0]); close(s[1]);
    if (kind != SOCK_DGRAM) { socketpair(AF_UNIX, kind, 0, s); fd = s[0]; WHILE(receives, 0, shutdown(s[1], SHUT_WR)); close(s[0]); close(s[1]); socketpair(AF_UNIX, kind, 0, s); WHILE(receives, 0, close(s[1])); close(s[0]); }
    if (kind == SOCK_STREAM) { socketpair(AF_UNIX, kind, 0, s); WHILE(receives, MSG_WAITALL, (send(s[1], "abc", 3, 0), usleep(30000), close(s[1]))); close(s[0]); }
    socketpair(AF_UNIX, kind, 0, s);
    int e = epoll_create1(0);
    struct epoll_event v = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP}, o = {0};
    epoll_ctl(e, EPOLL_CTL_ADD, s[1], &v);
    T(epoll_wait(e, &o, 1, 0)); HEX(o.events); T(epoll_wait(e, &o, 1, 0)); send(s[0], "x", 1, 0); T(epoll_wait(e, &o, 1, 0)); HEX(o.events); T(recv(s[1], b, 1, 0)); T(epoll_wait(e, &o, 1, 0)); shutdown(s[0], SHUT_WR); T(epoll_wait(e, &o, 1, 0)); HEX(o.events); close(s[0]); T(epoll_wait(e, &o, 1, 0)); HEX(o.events); close(s[1]); close(e);
  }
  /* A receiver that others are connected to, which is connected to nobody. */
  int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
  T(bind(receiver, (void *)&u, 10)); fd = socket(AF_UNIX, SOCK_DGRAM, 0); T(connect(fd, (void *)&u, 10));
  while (send(fd, "x", 1, MSG_DONTWAIT) == 1);
  WHILE(polls, 0, while (recv(receiver, b, 1, MSG_DONTWAIT) == 1));
  while (send(fd, "x", 1, MSG_DONTWAIT) == 1);
  WHILE(sends, 0, while (recv(receiver, b, 1, MSG_DONTWAIT) == 1));
  while (send(fd, "x", 1, MSG_DONTWAIT) == 1);
  WHILE(sends, 0, close(receiver));
  struct timeval limit = {0, 50000};
  int l = socket(AF_UNIX, SOCK_STREAM, 0), first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
  T(bind(l, (void *)&u, 10)); T(listen(l, 0)); T(connect(first, (void *)&u, 10)); setsockopt(second, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); T(connect(second, (void *)&u, 10));
  T(accept(l, 0, 0) > 0); fd = l; WHILE(accepts, 0, shutdown(l, SHUT_RD));
}
