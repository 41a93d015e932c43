/* netlink(7): names, options, which messages are answered how, credentials; sockets for device events. */
#include "net.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static char b[65536];
static int s, sequence = 100;
static void ask(int type, int flags, int size, int index) {
  struct { struct nlmsghdr h; struct ifinfomsg i; char rest[64]; } q = {{size, type, flags, ++sequence, 0}, {.ifi_index = index}};
  printf("type %d flags %#x size %d\n", type, flags, size);
  T(send(s, &q, size, 0));
  for (int k = 0; k < 20; k++) {
    errno = 0;
    int n = recv(s, b, sizeof b, MSG_DONTWAIT), last = 0;
    if (n < 0) { printf("  %s\n", strerrorname_np(errno)); return; }
    for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      last = h->nlmsg_type;
      if (last == NLMSG_ERROR) { int e = -((struct nlmsgerr *)NLMSG_DATA(h))->error; printf("  error %s flags %#x size %d\n", e ? strerrorname_np(e) : "0", h->nlmsg_flags, h->nlmsg_len); }
      if (h->nlmsg_seq != (unsigned)sequence || h->nlmsg_pid == 0) puts("  strange");
    }
    if (last == NLMSG_DONE) puts("  done");
    if (last == NLMSG_DONE || last == NLMSG_ERROR) return;
    if (!(flags & NLM_F_DUMP & ~NLM_F_ROOT) && !(flags & NLM_F_DUMP)) { printf("  type %d\n", last); return; }
  }
}
static void option(int level, int name, int value) {
  int now = -9;
  socklen_t n = 4;
  errno = 0;
  int set = setsockopt(s, level, name, &value, 4), e = errno;
  errno = 0;
  int got = getsockopt(s, level, name, &now, &n);
  printf("option %d %d: %s, %s %d\n", level, name, set ? strerrorname_np(e) : "set", got ? strerrorname_np(errno) : "is", got ? 0 : now);
}

int main(void) {
  struct sockaddr_nl a = {AF_NETLINK};
  socklen_t n = sizeof a;
  s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  T(getpeername(s, (void *)&a, &n)); T(a.nl_pid); T(bind(s, (void *)&a, 5)); T(bind(s, (void *)&a, sizeof a)); T(getsockname(s, (void *)&a, &n)); IS((int)a.nl_pid == getpid());
  int other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), events_ = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
  T(bind(other, (void *)&a, sizeof a)); T(bind(events_, (void *)&a, sizeof a)); T(recv(events_, b, 10, MSG_DONTWAIT)); HEX(events(events_, ALL_EVENTS | POLLWRBAND, 0));
  struct sockaddr_nl none = {AF_UNSPEC}; T(connect(other, (void *)&none, sizeof none)); T(listen(s, 1)); T(ioctl(s, FIONREAD, b));
  int general[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_PRIORITY, SO_REUSEPORT, SO_PASSCRED, SO_TYPE, SO_ERROR, SO_PEEK_OFF, SO_TIMESTAMP, SO_ACCEPTCONN}, own[] = {1, 2, 3, 4, 5, 8, 10, 11, 12, 13, 99};
  for (int i = 0; i < 10; i++) option(SOL_SOCKET, general[i], 1);
  for (int i = 0; i < 11; i++) option(SOL_NETLINK, own[i], 1);
  option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 1000); option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 0); option(SOL_IP, 1, 1);
  close(s); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  ask(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 32, 0); ask(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 17, 0); ask(RTM_GETLINK, NLM_F_REQUEST, 32, 1); ask(RTM_GETLINK, NLM_F_REQUEST, 32, 9999); ask(RTM_GETLINK, NLM_F_REQUEST, 32, 0); ask(RTM_GETLINK, NLM_F_DUMP, 32, 0);
  ask(999, NLM_F_REQUEST | NLM_F_ACK, 32, 0); ask(NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 16, 0); ask(NLMSG_DONE, NLM_F_REQUEST, 16, 0); ask(RTM_GETLINK, NLM_F_ACK, 32, 0);
  int one = 1;
  setsockopt(s, SOL_SOCKET, SO_PASSCRED, &one, 4);
  struct { struct nlmsghdr h; struct rtgenmsg g; } q = {{17, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNSPEC}};
  struct iovec { void *p; size_t n; } v = {b, 10};
  struct msghdr m = {&a, sizeof a, (void *)&v, 1, b + 4096, 64};
  T(send(s, &q, 17, 0)); IS(recvmsg(s, &m, MSG_PEEK | MSG_TRUNC) > 10); HEX(m.msg_flags); T(a.nl_pid); struct cmsghdr *c = CMSG_FIRSTHDR(&m); printf("%d %d %d\n", c->cmsg_level, c->cmsg_type, *(int *)CMSG_DATA(c));
  T(send(s, "", 0, 0)); a.nl_pid = 4000000; T(sendto(s, &q, 17, 0, (void *)&a, sizeof a)); T(send(s, &q, 17, MSG_OOB));
}
