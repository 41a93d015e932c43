/* Control data that a datagram is sent with: hop limit, traffic class, source address, bad forms. */
#include "net.h"
static void receive(int s) {
  char t[16], c[256]; struct iovec v = {t, 16}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c}; struct sockaddr_in6 q = {0}; m.msg_name = &q; m.msg_namelen = sizeof q; memset(c, 0, sizeof c);
  long n = recvmsg(s, &m, MSG_DONTWAIT); printf("received %ld\n", n); if (n < 0) return; show("from", &q, m.msg_namelen, 0); for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) { printf("level %d type %d:", h->cmsg_level, h->cmsg_type); for (size_t i = 0; i < h->cmsg_len - CMSG_LEN(0); i++) printf(" %02x", CMSG_DATA(h)[i]); puts(""); }
}
static long with(int s, void *to, size_t toLength, int level, int type, const void *data, size_t n) {
  union { char b[CMSG_SPACE(64)]; struct cmsghdr h; } u = {0}; struct iovec v = {"x", 1}; struct msghdr m = {.msg_name = to, .msg_namelen = toLength, .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = CMSG_SPACE(n)};
  u.h = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(n)}; memcpy(CMSG_DATA(&u.h), data, n); return sendmsg(s, &m, 0);
}
#define I(v) (int[]){v}, 4
int main(void) {
  int on = 1, a = udp("127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in to = in4("127.0.0.1", port_of(a)); setsockopt(a, IPPROTO_IP, IP_RECVTTL, &on, 4); setsockopt(a, IPPROTO_IP, IP_RECVTOS, &on, 4);
  T(with(b, &to, sizeof to, IPPROTO_IP, IP_TTL, I(3))); receive(a); T(with(b, &to, sizeof to, IPPROTO_IP, IP_TOS, I(0x40))); receive(a); T(with(b, &to, sizeof to, IPPROTO_IP, IP_TOS, "\x20", 1)); receive(a);
  T(with(b, &to, sizeof to, IPPROTO_IP, IP_TTL, I(0))); T(with(b, &to, sizeof to, IPPROTO_IP, IP_TTL, I(256))); T(with(b, &to, sizeof to, IPPROTO_IP, IP_TTL, "\1", 1)); T(with(b, &to, sizeof to, IPPROTO_IP, IP_TOS, I(256))); T(with(b, &to, sizeof to, IPPROTO_IP, 250, I(1))); T(with(b, &to, sizeof to, IPPROTO_IPV6, IPV6_HOPLIMIT, I(999))); receive(a); T(with(b, &to, sizeof to, 250, 1, I(1))); receive(a);
  struct in_pktinfo p = {0}; inet_pton(AF_INET, "127.0.0.9", &p.ipi_spec_dst); T(with(b, &to, sizeof to, IPPROTO_IP, IP_PKTINFO, &p, sizeof p)); receive(a); inet_pton(AF_INET, "203.0.113.5", &p.ipi_spec_dst); T(with(b, &to, sizeof to, IPPROTO_IP, IP_PKTINFO, &p, sizeof p)); T(with(b, &to, sizeof to, IPPROTO_IP, IP_PKTINFO, &p, 8)); receive(a);
  int c = socket(AF_INET6, SOCK_DGRAM, 0), d = socket(AF_INET6, SOCK_DGRAM, 0); struct sockaddr_in6 one = in6("::1", 0); bind(c, SA(one)); one = in6("::1", port_of(c)); setsockopt(c, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, 4); setsockopt(c, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, 4);
  T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_HOPLIMIT, I(2))); receive(c); T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_TCLASS, I(0x21))); receive(c); T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_HOPLIMIT, I(-1))); receive(c); T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_HOPLIMIT, I(256))); T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_HOPLIMIT, "\1\2\3", 3)); T(with(d, &one, sizeof one, IPPROTO_IPV6, 250, I(1))); T(with(d, &one, sizeof one, IPPROTO_IP, IP_TTL, I(0))); receive(c);
  struct in6_pktinfo q = {.ipi6_addr = in6addr_loopback}; T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_PKTINFO, &q, sizeof q)); receive(c); T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_PKTINFO, &q, 8)); inet_pton(AF_INET6, "2001:db8::5", &q.ipi6_addr); T(with(d, &one, sizeof one, IPPROTO_IPV6, IPV6_PKTINFO, &q, sizeof q)); receive(c);
}
