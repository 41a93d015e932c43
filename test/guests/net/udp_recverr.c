/* IP_RECVERR: the error queue of datagrams that nobody takes. */
#include "net.h"
#include <linux/errqueue.h>
static void queue(int s) {
  char t[16] = {0}, c[256]; struct sockaddr_in q; struct iovec v = {t, 16}; struct msghdr m = {.msg_name = &q, .msg_namelen = sizeof q, .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
  T(recvmsg(s, &m, MSG_ERRQUEUE)); if (m.msg_controllen == sizeof c) return; printf("%s flags %#x\n", t, m.msg_flags); show("to", &q, m.msg_namelen, 0); struct cmsghdr *h = CMSG_FIRSTHDR(&m); if (!h) return; T(h->cmsg_level); T(h->cmsg_type); struct sock_extended_err *e = (void *)CMSG_DATA(h); T(e->ee_errno); T(e->ee_origin); T(e->ee_type); T(e->ee_code); struct sockaddr_in *o = (void *)SO_EE_OFFENDER(e); T(o->sin_family); printf("%s\n", inet_ntoa(o->sin_addr));
}
int main(void) {
  int gone = udp("127.0.0.1"), port = port_of(gone); close(gone); struct sockaddr_in to = in4("127.0.0.1", port); int s = socket(AF_INET, SOCK_DGRAM, 0), on = 1; char t[4];
  T(sendto(s, "quiet", 5, 0, SA(to))); usleep(20000); T(recv(s, t, 1, MSG_DONTWAIT)); T(recv(s, t, 1, MSG_ERRQUEUE)); T(setsockopt(s, IPPROTO_IP, IP_RECVERR, &on, 4)); T(sendto(s, "loud", 4, 0, SA(to))); usleep(20000); POLLED(s); queue(s); POLLED(s); queue(s); T(recv(s, t, 1, MSG_DONTWAIT));
  T(sendto(s, "twice", 5, 0, SA(to))); usleep(20000); T(recv(s, t, 1, MSG_DONTWAIT)); T(recv(s, t, 1, MSG_DONTWAIT)); POLLED(s); queue(s); ERR(s);
}
