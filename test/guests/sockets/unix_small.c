/* AF_UNIX details: flags that recvmsg gives back, shutdown of what is not connected, short options. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>
static void send_fd(int s, int fd) { struct iovec { void *p; size_t n; } v = {"x", 1}; char c[CMSG_SPACE(4)]; struct msghdr m = {0, 0, (void *)&v, 1, c, sizeof c}; struct cmsghdr *k = CMSG_FIRSTHDR(&m); k->cmsg_level = SOL_SOCKET; k->cmsg_type = SCM_RIGHTS; k->cmsg_len = CMSG_LEN(4); memcpy(CMSG_DATA(k), &fd, 4); T(sendmsg(s, &m, 0)); }
int main(void) {
  int s[2], got;
  char c[256], b[10];
  struct { void *p; size_t n; } v = {b, 1};
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
    socketpair(AF_UNIX, type, 0, s);
    struct msghdr m = {0, 0, (void *)&v, 1, c, sizeof c};
    send_fd(s[0], 1);
    T(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC)); HEX(m.msg_flags); memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), 4); T(fcntl(got, F_GETFD));
    send_fd(s[0], 1); m.msg_controllen = 8; T(recvmsg(s[1], &m, 0)); HEX(m.msg_flags); T(m.msg_controllen);
    send(s[0], "abc", 3, 0); m.msg_controllen = 0; T(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC)); HEX(m.msg_flags);
  }
  struct sockaddr_un a = {AF_UNIX, "sock"};
  int u = socket(AF_UNIX, SOCK_STREAM, 0), l = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0), one = 1;
  T(shutdown(u, SHUT_RDWR)); T(shutdown(u, 9)); T(shutdown(u, -1)); T(shutdown(d, SHUT_RD)); T(shutdown(0, 2)); T(shutdown(-1, 2));
  T(bind(l, (void *)&a, sizeof a)); T(listen(l, 1)); T(shutdown(l, SHUT_RD)); T(accept(l, 0, 0)); T(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
  T(setsockopt(u, SOL_SOCKET, SO_LINGER, &one, 4)); T(setsockopt(u, SOL_SOCKET, SO_LINGER, &a, 8)); T(setsockopt(u, SOL_SOCKET, SO_REUSEADDR, &one, 2));
  unlink("sock");
}
