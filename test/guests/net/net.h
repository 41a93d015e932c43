/* Shared by the network tests: addresses of the loopback, connected pairs. Ports are automatic. */
#pragma once
#include "../check.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static inline struct sockaddr_in in4(const char *ip, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, ip, &a.sin_addr);
  return a;
}
static inline struct sockaddr_in6 in6(const char *ip, int port) {
  struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(AF_INET6, ip, &a.sin6_addr);
  return a;
}
#define SA(a) ((struct sockaddr *)&(a)), sizeof(a)
static inline int port_of(int fd) {
  struct sockaddr_storage a; socklen_t n = sizeof a;
  if (getsockname(fd, (void *)&a, &n)) return -1;
  return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
}
/* A listener on 127.0.0.1 at a port of its own. */
static inline int listener(int backlog) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = in4("127.0.0.1", 0);
  if (bind(s, SA(a)) || listen(s, backlog)) { perror("listener"); exit(1); }
  return s;
}
static inline int client(int port) {
  int c = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = in4("127.0.0.1", port);
  if (connect(c, SA(a))) { perror("client"); exit(1); }
  return c;
}
/* p[0] is the client's end, p[1] the server's. */
static inline void tcp_pair(int p[2]) {
  int l = listener(1);
  p[0] = client(port_of(l));
  p[1] = accept(l, 0, 0);
  close(l);
}
static inline int udp(const char *ip) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = in4(ip, 0);
  if (bind(s, SA(a))) { perror("udp"); exit(1); }
  return s;
}
static inline int events(int fd, int wanted, int ms) {
  struct pollfd p = {fd, wanted, 0};
  int n = poll(&p, 1, ms);
  return n < 0 ? -1 : p.revents;
}
#define ALL_EVENTS (POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM)
#define POLLED(fd) (printf("poll(%s) = %#x\n", #fd, events(fd, ALL_EVENTS, 0)), fflush(stdout))
static inline int so_error(int fd) {
  int e = -1; socklen_t n = sizeof e;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
  return e;
}
#define ERR(fd) (printf("SO_ERROR(%s) = %s\n", #fd, strerrorname_np(so_error(fd)) ?: "0"), fflush(stdout))
static inline void show(const char *name, const void *address, socklen_t length, int with_port) {
  char text[64] = "?";
  const struct sockaddr_in *a = address; const struct sockaddr_in6 *b = address;
  if (a->sin_family == AF_INET) printf("%s: %s", name, inet_ntop(AF_INET, &a->sin_addr, text, 64));
  else if (a->sin_family == AF_INET6) printf("%s: [%s] scope %u", name, inet_ntop(AF_INET6, &b->sin6_addr, text, 64), b->sin6_scope_id);
  else printf("%s: family %d", name, a->sin_family);
  if (with_port) printf(" port %d", ntohs(a->sin_port));
  printf(" length %u\n", length); fflush(stdout);
}
/* Sets an int and shows what is read back. */
#define OPT(fd, level, option, value) do { \
    int v_ = (value), g_ = -77; socklen_t n_ = sizeof g_; errno = 0; \
    int r_ = setsockopt(fd, level, option, &v_, sizeof v_); \
    const char *e_ = r_ ? strerrorname_np(errno) : "ok"; errno = 0; \
    int q_ = getsockopt(fd, level, option, &g_, &n_); \
    printf("%s = %d: %s; reads %d (%u) %s\n", #option, v_, e_, q_ ? -1 : g_, n_, q_ ? strerrorname_np(errno) : ""); fflush(stdout); } while (0)
#define GET(fd, level, option) do { \
    int g_[64] = {0}; socklen_t n_ = 4; errno = 0; int q_ = getsockopt(fd, level, option, g_, &n_); \
    printf("%s: %d (%u) %s\n", #option, q_ ? -1 : g_[0], n_, q_ ? strerrorname_np(errno) : ""); fflush(stdout); } while (0)
