/* Control data of datagrams: IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IPV6_RECVPKTINFO, MSG_CTRUNC. */
#include "net.h"
static void receive(int s, size_t room) {
  char t[16], c[256]; struct iovec v = {t, 16}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = room}; memset(c, 0, sizeof c);
  T(recvmsg(s, &m, 0)); T(m.msg_controllen); HEX(m.msg_flags); for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) { printf("level %d type %d length %zu:", h->cmsg_level, h->cmsg_type, (size_t)h->cmsg_len); for (size_t i = 0; i < h->cmsg_len - CMSG_LEN(0); i++) printf(" %02x", CMSG_DATA(h)[i]); puts(""); }
}
int main(void) {
  int on = 1, ttl = 17, tos = 0x20, a = socket(AF_INET, SOCK_DGRAM, 0), b = udp("127.0.0.1"); struct sockaddr_in any = in4("0.0.0.0", 0), to; bind(a, SA(any)); to = in4("127.0.0.1", port_of(a));
  setsockopt(a, IPPROTO_IP, IP_PKTINFO, &on, 4); setsockopt(a, IPPROTO_IP, IP_RECVTTL, &on, 4); setsockopt(a, IPPROTO_IP, IP_RECVTOS, &on, 4); setsockopt(b, IPPROTO_IP, IP_TTL, &ttl, 4); setsockopt(b, IPPROTO_IP, IP_TOS, &tos, 4);
  for (size_t room = 256; ; room = room == 256 ? 40 : room == 40 ? 10 : 0) { T(sendto(b, "p", 1, 0, SA(to))); receive(a, room); if (!room) break; }
  int c = socket(AF_INET6, SOCK_DGRAM, 0), d = socket(AF_INET6, SOCK_DGRAM, 0); struct sockaddr_in6 any6 = in6("::", 0), to6; bind(c, SA(any6)); setsockopt(c, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, 4); setsockopt(c, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, 4); to6 = in6("::1", port_of(c)); T(sendto(d, "six", 3, 0, SA(to6))); receive(c, 256);
  to = in4("127.0.0.1", port_of(c)); T(sendto(b, "four", 4, 0, SA(to))); char t[16]; struct sockaddr_in6 q; socklen_t n = sizeof q; T(recvfrom(c, t, 16, 0, (void *)&q, &n)); show("mapped", &q, n, 0);
  setsockopt(b, SOL_SOCKET, SO_TIMESTAMP, &on, 4); to = in4("127.0.0.1", port_of(b)); T(sendto(b, "self", 4, 0, SA(to))); char k[64]; struct iovec v = {t, 16}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = k, .msg_controllen = 64}; T(recvmsg(b, &m, 0)); struct cmsghdr *h = CMSG_FIRSTHDR(&m); T(h->cmsg_type); T(h->cmsg_len); struct timeval *tv = (void *)CMSG_DATA(h); IS(labs(tv->tv_sec - time(0)) < 3);
}
