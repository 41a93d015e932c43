/* UDP: MSG_MORE and UDP_CORK make one datagram of several, when it came, and addresses without a family. */
#include "net.h"
int main(void) {
  char b[100];
  int receiver = udp("127.0.0.1"), s = socket(AF_INET, SOCK_DGRAM, 0), one = 1, off = 0;
  struct sockaddr_in to = in4("127.0.0.1", port_of(receiver)), other = in4("127.0.0.1", 9);
  struct timeval limit = {0, 200000}, at;
  setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  T(ioctl(receiver, 0x8906 /* SIOCGSTAMP */, &at));
  T(sendto(s, "abc", 3, MSG_MORE, SA(to))); T(recv(receiver, b, 100, MSG_DONTWAIT)); T(sendto(s, "def", 3, 0, SA(other))); T(recv(receiver, b, 100, 0)); T(memcmp(b, "abcdef", 6));
  T(setsockopt(s, IPPROTO_UDP, 1 /* UDP_CORK */, &one, 4)); T(sendto(s, "12", 2, 0, SA(to))); T(sendto(s, "345", 3, 0, SA(to))); T(recv(receiver, b, 100, MSG_DONTWAIT)); T(setsockopt(s, IPPROTO_UDP, 1, &off, 4)); T(recv(receiver, b, 100, 0));
  T(sendto(s, b, 65507, MSG_MORE, SA(to))); T(sendto(s, "x", 1, 0, SA(to))); T(sendto(s, "", 0, 0, SA(to)));
  T(recv(receiver, b, 100, MSG_TRUNC)); T(ioctl(receiver, 0x8906, &at)); IS(at.tv_sec > 1000000000);
  to.sin_family = AF_UNSPEC; T(sendto(s, "x", 1, 0, SA(to))); T(recv(receiver, b, 100, 0)); HEX(events(s, ALL_EVENTS | POLLWRBAND, 0));
  /* recvmmsg: its time limit ends it once a message has come; MSG_WAITFORONE. */
  struct iovec { void *p; size_t n; } v = {b, 10};
  struct mmsghdr m[3] = {{{.msg_iov = (void *)&v, .msg_iovlen = 1}}, {{.msg_iov = (void *)&v, .msg_iovlen = 1}}, {{.msg_iov = (void *)&v, .msg_iovlen = 1}}};
  struct timespec bad = {0, -1}, past = {0, 0}, long_ = {30, 0};
  to.sin_family = AF_INET;
  T(recvmmsg(receiver, m, 3, MSG_DONTWAIT, &bad)); T(recvmmsg(receiver, m, 0, 0, 0)); T(recvmmsg(receiver, m, 3, MSG_DONTWAIT, 0));
  sendto(s, "a", 1, 0, SA(to)); sendto(s, "bc", 2, 0, SA(to)); T(recvmmsg(receiver, m, 3, 0, &past)); T(recvmmsg(receiver, m, 3, MSG_WAITFORONE, &long_)); IS(long_.tv_sec < 30); T(m[0].msg_len);
  if (fork() == 0) { for (int i = 0; i < 3; i++) { usleep(20000); sendto(s, "x", 1, 0, SA(to)); } _exit(0); }
  limit.tv_sec = 30; setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit); T(recvmmsg(receiver, m, 3, 0, 0));
}
