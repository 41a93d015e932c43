/* sendmmsg(2) and recvmmsg(2). */
#include "net.h"
int main(void) {
  int a = udp("127.0.0.1"), b = udp("127.0.0.1"); struct sockaddr_in to = in4("127.0.0.1", port_of(a)); connect(b, SA(to)); struct mmsghdr m[4], r[6]; struct iovec v[4], w[6]; char t[6][16]; memset(m, 0, sizeof m); memset(r, 0, sizeof r); memset(t, 0, sizeof t); const char *texts[4] = {"first", "2nd", "", "fourth"};
  for (int i = 0; i < 4; i++) { v[i] = (struct iovec){(void *)texts[i], strlen(texts[i])}; m[i].msg_hdr.msg_iov = &v[i]; m[i].msg_hdr.msg_iovlen = 1; } for (int i = 0; i < 6; i++) { w[i] = (struct iovec){t[i], 5}; r[i].msg_hdr.msg_iov = &w[i]; r[i].msg_hdr.msg_iovlen = 1; }
  T(sendmmsg(b, m, 4, 0)); for (int i = 0; i < 4; i++) T(m[i].msg_len); T(recvmmsg(a, r, 6, MSG_DONTWAIT, 0)); for (int i = 0; i < 4; i++) { printf("%u %s %#x\n", r[i].msg_len, t[i], r[i].msg_hdr.msg_flags); } T(recvmmsg(a, r, 6, MSG_DONTWAIT, 0)); T(sendmmsg(b, m, 0, 0)); T(sendmmsg(b, m, 2, 0)); T(recvmmsg(a, r, 6, MSG_WAITFORONE, 0)); T(recvmmsg(a, r, 0, 0, 0)); T(recvmmsg(99, r, 1, 0, 0)); T(sendmmsg(b, (void *)8, 1, 0));
  int p[2]; tcp_pair(p); T(sendmmsg(p[0], m, 4, 0)); usleep(10000); char all[64] = {0}; T(recv(p[1], all, 64, 0)); puts(all);
}
