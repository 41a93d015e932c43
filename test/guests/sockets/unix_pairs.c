/* unix(7): pairs of each type, shutdown, descriptors in flight, credentials, errors. */
#include "../check.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
static void rights(void) {
  int s[2], p[2], got = -1;
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  T(pipe(p));
  char c[CMSG_SPACE(sizeof(int))] = {0}, b = 'x';
  struct iovec v = {&b, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  h->cmsg_level = SOL_SOCKET; h->cmsg_type = SCM_RIGHTS; h->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(h), &p[1], sizeof(int));
  T(sendmsg(s[0], &m, 0));
  memset(c, 0, sizeof c); m.msg_controllen = sizeof c;
  T(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC));
  T(m.msg_controllen); T(m.msg_flags & ~MSG_CMSG_CLOEXEC);
  memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
  IS(got > p[1]); T(fcntl(got, F_GETFD)); T(write(got, "q", 1)); T(read(p[0], &b, 1)); IS(b == 'q');
}
int main(void) {
  int s[2]; char b[64] = {0};
  signal(SIGPIPE, SIG_IGN);
  IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
  T(recv(s[0], b, 1, 0)); T(send(s[1], "hello", 5, 0)); T(recv(s[0], b, 2, MSG_PEEK)); T(read(s[0], b, 64)); puts(b);
  T(shutdown(s[1], SHUT_WR)); T(read(s[0], b, 1)); T(write(s[1], "x", 1)); T(write(s[0], "y", 1)); T(read(s[1], b, 1));
  struct pollfd f = {s[0], POLLIN | POLLOUT | POLLRDHUP, 0}; T(poll(&f, 1, 0)); HEX(f.revents);
  close(s[1]); T(poll(&f, 1, 0)); HEX(f.revents); T(send(s[0], "x", 1, MSG_NOSIGNAL));
  IS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
  T(send(s[0], "one", 3, 0)); T(send(s[0], "four", 4, 0)); T(recv(s[1], b, 2, MSG_TRUNC)); T(recv(s[1], b, 64, 0));
  struct timeval tv = {0, 20000}; T(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); T(recv(s[1], b, 1, 0));
  int t = 0; socklen_t n = sizeof t; T(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &t, &n)); T(t); T(n);
  struct ucred u; n = sizeof u; T(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &n)); IS(u.pid == getpid());
  T(getsockopt(s[0], SOL_SOCKET, 9999, &t, &n)); T(getsockopt(0, SOL_SOCKET, SO_TYPE, &t, &n)); T(getsockopt(99, SOL_SOCKET, SO_TYPE, &t, &n));
  unlink("/tmp/unix_pairs.sock");
  int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/tmp/unix_pairs.sock"}; socklen_t an = sizeof a;
  T(connect(c, (void *)&a, sizeof a)); T(listen(l, 1)); T(bind(l, (void *)&a, sizeof a)); T(bind(l, (void *)&a, sizeof a)); T(connect(c, (void *)&a, sizeof a));
  T(listen(l, 1)); T(connect(c, (void *)&a, sizeof a)); T(connect(c, (void *)&a, sizeof a));
  struct stat st; T(stat("/tmp/unix_pairs.sock", &st)); HEX(st.st_mode & S_IFMT); T(open("/tmp/unix_pairs.sock", O_RDWR));
  int x = accept4(l, (void *)&a, &an, SOCK_CLOEXEC); IS(x > 0); T(an); T(a.sun_family); T(fcntl(x, F_GETFD));
  an = sizeof a; T(getsockname(x, (void *)&a, &an)); T(an); puts(a.sun_path); T(getpeername(l, (void *)&a, &an));
  T(send(c, "abc", 3, 0)); close(c); T(recv(x, b, 64, MSG_WAITALL)); T(recv(x, b, 64, 0));
  int d = socket(AF_UNIX, SOCK_DGRAM, 0); T(send(d, "x", 1, 0)); T(listen(d, 1)); T(socket(AF_UNIX, 77, 0)); T(socket(AF_UNIX, SOCK_STREAM, 3));
  rights();
  T(unlink("/tmp/unix_pairs.sock"));
}
