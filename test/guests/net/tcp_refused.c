/* connect(2) that cannot work: nobody listens, addresses of the wrong shape or family. */
#include "net.h"
int main(void) {
  int gone = listener(1), port = port_of(gone); close(gone);
  struct sockaddr_in a = in4("127.0.0.1", port); struct sockaddr_in6 b = in6("::1", port); struct sockaddr_storage z = {0}; char t[4];
  int s = socket(AF_INET, SOCK_STREAM, 0), v = socket(AF_INET6, SOCK_STREAM, 0);
  T(connect(s, SA(a))); ERR(s); POLLED(s); T(connect(s, SA(a))); T(connect(s, (void *)&a, 8)); T(connect(s, (void *)&a, 1)); T(connect(s, (void *)&a, 200)); T(connect(s, (void *)8, 16)); T(connect(s, SA(b)));
  T(connect(v, SA(a))); T(connect(v, SA(b))); T(connect(v, (void *)&b, 20)); T(connect(v, (void *)&b, 24)); z.ss_family = 99; T(connect(s, (void *)&z, 16)); z.ss_family = AF_UNIX; T(connect(s, (void *)&z, 16));
  z.ss_family = AF_UNSPEC; T(connect(s, (void *)&z, 16)); T(getpeername(s, (void *)&z, &(socklen_t){16})); T(connect(s, (void *)&a, sizeof a));
  struct sockaddr_in m = in4("127.0.0.1", 0); T(connect(s, SA(m))); T(bind(s, SA(m))); m = in4("224.0.0.1", 9); T(connect(s, SA(m)));
  int l = listener(1), c = client(port_of(l)), x = accept(l, 0, 0); z.ss_family = AF_UNSPEC; T(connect(c, (void *)&z, 16)); T(recv(x, t, 1, 0)); T(recv(x, t, 1, 0)); POLLED(c);
  a.sin_port = htons(port_of(l)); T(connect(c, SA(a))); IS(accept(l, 0, 0) > 0);
}
