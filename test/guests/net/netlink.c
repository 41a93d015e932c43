/* netlink(7): binding, a dump of links by hand, errors. */
#include "net.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
int main(void) {
  int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); struct sockaddr_nl a = {.nl_family = AF_NETLINK}, q; socklen_t n = sizeof q; char b[32768];
  T(bind(s, SA(a))); T(getsockname(s, (void *)&q, &n)); T(n); T(q.nl_family); IS(q.nl_pid == getpid()); int s2 = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE); T(bind(s2, SA(a))); n = sizeof q; getsockname(s2, (void *)&q, &n); IS(q.nl_pid != getpid() && q.nl_pid != 0); T(socket(AF_NETLINK, SOCK_STREAM, 0)); T(socket(AF_NETLINK, SOCK_RAW, 99)); T(listen(s, 1)); T(recv(s, b, 1, MSG_DONTWAIT)); POLLED(s);
  struct { struct nlmsghdr h; struct ifinfomsg i; } r = {.h = {sizeof r, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0}}; T(send(s, &r, sizeof r, 0)); int done = 0, lo = 0; HEX(events(s, POLLIN, 1000));
  while (!done) { struct sockaddr_nl f; n = sizeof f; int k = recvfrom(s, b, sizeof b, 0, (void *)&f, &n); if (k <= 0 || f.nl_pid) puts("bad"); for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, k); h = NLMSG_NEXT(h, k)) { if (h->nlmsg_type == NLMSG_DONE) { done = 1; T(h->nlmsg_seq); break; } struct ifinfomsg *i = NLMSG_DATA(h); int len = IFLA_PAYLOAD(h); for (struct rtattr *t = IFLA_RTA(i); RTA_OK(t, len); t = RTA_NEXT(t, len)) if (t->rta_type == IFLA_IFNAME && !strcmp(RTA_DATA(t), "lo")) { lo++; T(i->ifi_index); T(i->ifi_type); } } }
  T(lo); struct sockaddr_nl bad = {.nl_family = AF_INET}; T(bind(s, SA(bad))); T(sendto(s, &r, sizeof r, 0, SA(bad))); T(bind(s, (void *)&a, 4));
}
