/* Urgent data: MSG_OOB, the mark that reads stop at, SO_OOBINLINE, POLLPRI, SIGURG, sockatmark. */
#include "net.h"
#include <sys/ioctl.h>
static volatile sig_atomic_t urgent; static void on(int s) { urgent++; }
static int c, s;
static void pairUp(void) { if (c) close(c), close(s); int l = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = in4("127.0.0.1", 0); bind(l, SA(a)); listen(l, 1); a = in4("127.0.0.1", port_of(l)); c = socket(AF_INET, SOCK_STREAM, 0); connect(c, SA(a)); s = accept(l, 0, 0); close(l); }
static void state(void) { struct pollfd p = {s, POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND}; int r = poll(&p, 1, 100), n = -1, m = -1; ioctl(s, FIONREAD, &n); ioctl(s, SIOCATMARK, &m); printf("poll %d events %#x, to read %d, at mark %d, SIGURG %d\n", r, p.revents, n, m, urgent); urgent = 0; }
#define IN(n, f) do { char b[32] = {0}; errno = 0; long r = recv(s, b, n, (f) | MSG_DONTWAIT); printf("recv %d %#x: %ld %s '%s'\n", n, f, r, r < 0 ? strerrorname_np(errno) : "", b); fflush(stdout); } while (0)
#define OUT(d, f) T(send(c, d, strlen(d), f))
int main(void) {
  signal(SIGURG, on); pairUp(); IN(1, MSG_OOB); T(fcntl(s, F_SETOWN, getpid())); OUT("abc", MSG_OOB); state(); IN(9, 0); state(); IN(1, MSG_OOB | MSG_PEEK); IN(1, MSG_OOB); state(); IN(1, MSG_OOB); OUT("de", 0); state(); IN(9, MSG_PEEK); IN(9, 0); state(); IN(1, MSG_OOB);
  OUT("x", 0); OUT("1", MSG_OOB); OUT("y", 0); OUT("2", MSG_OOB); OUT("z", 0); state(); IN(9, 0); IN(9, MSG_OOB); state(); IN(9, 0); state(); IN(9, 0);
  OUT("3", MSG_OOB); state(); IN(0, 0); IN(0, MSG_OOB); OUT("4", MSG_OOB); state(); IN(9, MSG_OOB); OUT("5", MSG_OOB); state(); IN(9, 0); IN(9, MSG_OOB); state();
  pairUp(); int one = 1; T(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &one, 4)); OUT("abc", MSG_OOB); OUT("de", 0); state(); IN(9, MSG_OOB); IN(9, 0); state(); IN(1, 0); state(); IN(9, 0); OUT("q", MSG_OOB); state(); IN(9, 0); state();
  pairUp(); char b[8]; struct iovec v = {b, 8}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1}; OUT("m", MSG_OOB); usleep(1000); T(recvmsg(s, &m, MSG_OOB)); HEX(m.msg_flags); fd_set e; FD_ZERO(&e); FD_SET(s, &e); OUT("n", MSG_OOB); T(select(s + 1, 0, 0, &e, 0)); IS(FD_ISSET(s, &e)); OUT("", MSG_OOB); close(c); c = 0; state(); IN(9, 0); IN(9, MSG_OOB); IN(9, 0); int l = socket(AF_INET, SOCK_STREAM, 0); T(recv(l, b, 1, MSG_OOB)); T(send(l, b, 1, MSG_OOB | MSG_NOSIGNAL)); int at = 7; T(ioctl(l, SIOCATMARK, &at)); T(at); int u = socket(AF_INET, SOCK_DGRAM, 0); T(ioctl(u, SIOCATMARK, &at)); T(recv(u, b, 1, MSG_OOB | MSG_DONTWAIT));
}
