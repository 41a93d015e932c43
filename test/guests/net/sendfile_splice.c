/* sendfile(2) and splice(2) to and from sockets. */
#include "net.h"
#include <sys/sendfile.h>
int main(void) {
  int p[2], f = open("data", O_RDWR | O_CREAT | O_TRUNC, 0644), q[2]; char b[9000], c[9000]; for (int i = 0; i < 9000; i++) b[i] = i * 7; T(write(f, b, 9000)); off_t at = 100; tcp_pair(p);
  T(sendfile(p[0], f, &at, 5000)); T(at); T(recv(p[1], c, 5000, MSG_WAITALL)); IS(!memcmp(b + 100, c, 5000)); T(lseek(f, 8000, SEEK_SET)); T(sendfile(p[0], f, 0, 5000)); T(lseek(f, 0, SEEK_CUR)); T(recv(p[1], c, 1000, MSG_WAITALL)); IS(!memcmp(b + 8000, c, 1000)); T(sendfile(p[0], f, 0, 10)); T(sendfile(f, p[1], 0, 10));
  pipe(q); T(send(p[0], "splice me", 9, 0)); events(p[1], POLLIN, 1000); T(splice(p[1], 0, q[1], 0, 100, 0)); memset(c, 0, 20); T(read(q[0], c, 100)); puts(c); T(write(q[1], "and back", 8)); T(splice(q[0], 0, p[1], 0, 100, 0)); memset(c, 0, 20); T(recv(p[0], c, 100, 0)); puts(c); fcntl(p[1], F_SETFL, O_NONBLOCK); T(splice(p[1], 0, q[1], 0, 10, 0)); loff_t o = 0; T(splice(p[1], &o, q[1], 0, 10, 0)); T(splice(p[1], 0, p[0], 0, 10, 0));
  close(p[0]); T(splice(p[1], 0, q[1], 0, 10, 0)); signal(SIGPIPE, SIG_IGN); at = 0; T(sendfile(p[1], f, &at, 10)); usleep(20000); T(sendfile(p[1], f, &at, 10)); unlink("data");
}
