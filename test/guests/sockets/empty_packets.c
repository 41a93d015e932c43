#include "../check.h"
#include <sys/socket.h>
#include <sys/un.h>
/* Packets without bytes carry descriptors; sequenced packets ignore names; names of another family. */
static char control[CMSG_SPACE(4)];
static void show(int fd, int flags) {
  char bytes[64], data[CMSG_SPACE(4)];
  struct iovec v = {bytes, sizeof bytes};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = data, .msg_controllen = sizeof data};
  errno = 0;
  long n = recvmsg(fd, &m, flags);
  printf("%ld %s: control %zu flags %#x\n", n, n < 0 ? strerrorname_np(errno) : "", m.msg_controllen, m.msg_flags);
}
int main(void) {
  int p[2], fd = open("/dev/null", O_RDONLY);
  struct msghdr empty = {.msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&empty);
  *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(head), &fd, 4);
  int types[] = {SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};
  for (int i = 0; i < 3; i++) {
    socketpair(AF_UNIX, types[i], 0, p);
    T(sendmsg(p[1], &empty, 0));
    show(p[0], MSG_DONTWAIT | MSG_PEEK);
    show(p[0], MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    show(p[0], MSG_DONTWAIT);
    T(sendmsg(p[1], &empty, 0));
    close(p[1]);
    show(p[0], MSG_DONTWAIT);
    show(p[0], MSG_DONTWAIT);
    close(p[0]);
  }
  struct sockaddr_storage other = {.ss_family = AF_INET6};
  struct iovec v = {"x", 1};
  struct msghdr named = {.msg_name = &other, .msg_namelen = 28, .msg_iov = &v, .msg_iovlen = 1};
  for (int i = 0; i < 3; i++) {
    socketpair(AF_UNIX, types[i], 0, p);
    T(sendmsg(p[1], &named, 0));
    T(sendto(p[1], "y", 1, 0, (void *)&other, 28));
    T(sendto(p[1], "y", 1, 0, (void *)8, 28));
  }
  for (int i = 0; i < 3; i++) {
    int s = socket(AF_UNIX, types[i], 0);
    T(connect(s, (void *)&other, 28));
    T(bind(s, (void *)&other, 28));
    T(sendto(s, "y", 1, MSG_NOSIGNAL, (void *)&other, 28));
  }
  return 0;
}
