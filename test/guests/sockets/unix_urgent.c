/* MSG_OOB on AF_UNIX: the urgent byte, the mark, SO_OOBINLINE, SIGURG (unix(7), `manage_oob`). */
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

static int s[2], urgent;
static void on_urgent(int signal) { (void)signal; urgent++; }
static void get(int size, int flags) {
  char b[20] = {0};
  struct iovec { void *p; size_t n; } v = {b, size};
  struct msghdr m = {0, 0, (void *)&v, 1, 0, 0};
  errno = 0;
  long got = recvmsg(s[1], &m, flags);
  printf("recvmsg(%d, %#x) = %ld %s %#x [%s]\n", size, flags, got, got < 0 ? strerrorname_np(errno) : "", got < 0 ? 0 : m.msg_flags, b);
}
static void look(void) {
  struct pollfd p = {s[1], POLLIN | POLLPRI, 0};
  int mark = -1;
  ioctl(s[1], SIOCATMARK, &mark);
  poll(&p, 1, 0);
  printf("mark %d, poll %#x\n", mark, p.revents);
}
static void put(const char *text, int flags) { T(send(s[0], text, strlen(text), flags)); }

int main(void) {
  int one = 1;
  signal(SIGURG, on_urgent);
  for (int is_inline = 0; is_inline < 2; is_inline++) {
    T(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    fcntl(s[1], F_SETOWN, getpid());
    fcntl(s[1], F_SETFL, O_NONBLOCK);
    if (is_inline) T(setsockopt(s[1], SOL_SOCKET, SO_OOBINLINE, &one, 4));
    puts("read up to the mark, and over it");
    put("hello", MSG_OOB); look(); get(1, MSG_OOB | MSG_PEEK); get(10, 0); look(); get(10, 0); look(); get(1, MSG_OOB);
    puts("taken first");
    put("hello", MSG_OOB); get(1, MSG_OOB); look(); get(10, 0); look(); get(10, 0); look();
    puts("a newer one makes the older ordinary");
    put("ab", MSG_OOB); put("cd", MSG_OOB); look(); get(10, 0); look(); get(10, 0); look(); get(10, 0);
    puts("the first byte of all");
    put("x", MSG_OOB); put("yz", 0); look(); get(10, MSG_PEEK); get(10, 0); look(); get(10, 0);
    puts("bytes behind one that was taken");
    put("ax", MSG_OOB); get(1, MSG_OOB); put("yz", 0); get(10, 0); look(); get(10, 0);
    put("", MSG_OOB); put("w", MSG_OOB); close(s[0]); look(); get(10, 0); get(10, 0);
    close(s[1]);
    IS(urgent > 0);
  }
  T(socketpair(AF_UNIX, SOCK_DGRAM, 0, s)); put("a", MSG_OOB); get(1, MSG_OOB);
  T(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s)); put("a", MSG_OOB); get(1, MSG_OOB);
}
