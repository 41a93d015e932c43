/* Multicast on the loopback: joining, leaving, which interface sends, who hears (ip(7), ipv6(7)). */
#include "net.h"
static int on(const char *ip, int port) { int s = socket(AF_INET, SOCK_DGRAM, 0), one = 1; struct timeval t = {0, 100000}; setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, 4); setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t); struct sockaddr_in a = in4(ip, port); if (bind(s, SA(a))) perror("bind"); return s; }
static struct ip_mreq on_loopback(const char *group) { struct ip_mreq r; inet_pton(AF_INET, group, &r.imr_multiaddr); inet_pton(AF_INET, "127.0.0.1", &r.imr_interface); return r; }
int main(void) {
  char b[100];
  int r1 = on("0.0.0.0", 0), port = port_of(r1), r2 = on("0.0.0.0", port), r3 = on("239.1.2.3", port), r4 = on("127.0.0.1", port), s = socket(AF_INET, SOCK_DGRAM, 0), off = 0, n;
  struct ip_mreq group = on_loopback("239.1.2.3"), other = on_loopback("10.1.2.3");
  struct sockaddr_in to = in4("239.1.2.3", port), from;
  struct in_addr lo = {htonl(INADDR_LOOPBACK)}, none = {0}, bad = {htonl(0x01020304)};
  socklen_t length = 4;
  T(setsockopt(s, SOL_IP, IP_MULTICAST_IF, &bad, 4)); T(setsockopt(s, SOL_IP, IP_MULTICAST_IF, &lo, 3)); T(setsockopt(s, SOL_IP, IP_MULTICAST_IF, &lo, 4)); T(getsockopt(s, SOL_IP, IP_MULTICAST_IF, b, &length)); bytes("interface", b, 4);
  T(sendto(s, "nobody", 6, 0, SA(to))); T(recv(r1, b, 100, MSG_DONTWAIT));
  T(setsockopt(r1, SOL_IP, IP_ADD_MEMBERSHIP, &group, 7)); T(setsockopt(r1, SOL_IP, IP_ADD_MEMBERSHIP, &other, sizeof other)); T(setsockopt(r1, SOL_IP, IP_DROP_MEMBERSHIP, &group, sizeof group)); T(setsockopt(r1, SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof group)); T(setsockopt(r1, SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
  struct ip_mreqn wrong = {group.imr_multiaddr, {0}, 9999}; T(setsockopt(r1, SOL_IP, IP_ADD_MEMBERSHIP, &wrong, sizeof wrong));
  T(sendto(s, "all", 3, 0, SA(to))); length = sizeof from; T(recvfrom(r1, b, 100, 0, (void *)&from, &length)); HEX(ntohl(from.sin_addr.s_addr)); T(recv(r2, b, 100, 0)); T(recv(r3, b, 100, 0)); T(recv(r4, b, 100, MSG_DONTWAIT));
  T(setsockopt(r2, SOL_IP, IP_MULTICAST_ALL, &off, 4)); T(setsockopt(s, SOL_IP, IP_MULTICAST_LOOP, &off, 4)); T(sendto(s, "members", 7, 0, SA(to))); T(recv(r1, b, 100, 0)); T(recv(r2, b, 100, MSG_DONTWAIT)); T(recv(r3, b, 100, 0));
  T(setsockopt(r1, SOL_IP, IP_DROP_MEMBERSHIP, &group, sizeof group)); T(sendto(s, "gone", 4, 0, SA(to))); T(recv(r1, b, 100, MSG_DONTWAIT)); T(recv(r3, b, 100, MSG_DONTWAIT));
  struct ip_mreqn by_index = {group.imr_multiaddr, {0}, 1}; T(setsockopt(r3, SOL_IP, IP_ADD_MEMBERSHIP, &by_index, sizeof by_index)); T(sendto(s, "heard", 5, 0, SA(to))); T(recv(r3, b, 100, 0)); T(recv(r1, b, 100, 0)); close(r3); T(sendto(s, "closed", 6, 0, SA(to))); T(recv(r1, b, 100, MSG_DONTWAIT));
  struct group_req request = {1}; memcpy(&request.gr_group, &to, sizeof to); T(setsockopt(r1, SOL_IP, MCAST_JOIN_GROUP, &request, sizeof request)); T(setsockopt(r1, SOL_IP, MCAST_JOIN_GROUP, &request, sizeof request)); T(connect(s, SA(to))); T(send(s, "connected", 9, 0)); T(recv(r1, b, 100, 0)); length = sizeof from; T(getsockname(s, (void *)&from, &length)); HEX(ntohl(from.sin_addr.s_addr)); T(setsockopt(r1, SOL_IP, MCAST_LEAVE_GROUP, &request, sizeof request)); T(setsockopt(r1, SOL_IP, MCAST_LEAVE_GROUP, &request, sizeof request));
  int tcp = socket(AF_INET, SOCK_STREAM, 0); T(setsockopt(tcp, SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof group)); T(setsockopt(tcp, SOL_IP, IP_MULTICAST_IF, &lo, 4)); T(setsockopt(s, SOL_IP, IP_MULTICAST_IF, &none, 4));
  /* IPv6. */
  int r6 = socket(AF_INET6, SOCK_DGRAM, 0), s6 = socket(AF_INET6, SOCK_DGRAM, 0), index = 1, wrong_index = 9999;
  struct sockaddr_in6 any = in6("::", 0), to6 = in6("ff05::1:3", 0);
  T(bind(r6, SA(any))); to6.sin6_port = htons(port_of(r6));
  struct ipv6_mreq six = {to6.sin6_addr, 1}; T(setsockopt(s6, SOL_IPV6, IPV6_MULTICAST_IF, &wrong_index, 4)); T(setsockopt(s6, SOL_IPV6, IPV6_MULTICAST_IF, &index, 4)); length = 4; T(getsockopt(s6, SOL_IPV6, IPV6_MULTICAST_IF, &n, &length)); T(n);
  T(setsockopt(r6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &six, 19)); T(setsockopt(r6, SOL_IPV6, IPV6_DROP_MEMBERSHIP, &six, sizeof six)); T(setsockopt(r6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof six)); T(setsockopt(r6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof six)); six.ipv6mr_interface = 9999; T(setsockopt(r6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof six));
}
