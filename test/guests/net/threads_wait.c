/* Threads that wait in accept(2) and recv(2) while others connect, send, shut down. */
#include "net.h"
static int l, p[2]; static volatile int accepted, failed;
static void *acceptor(void *a) { for (;;) { int x = accept(l, 0, 0); if (x < 0) { __sync_fetch_and_add(&failed, 1); return 0; } __sync_fetch_and_add(&accepted, 1); char c; while (recv(x, &c, 1, 0) > 0) send(x, &c, 1, 0); close(x); } }
static void *reader(void *a) { char b[8]; return (void *)(long)recv(p[1], b, 8, 0); }
int main(void) {
  pthread_t t[4], r; l = listener(16); int port = port_of(l); for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, acceptor, 0); int good = 0;
  for (int i = 0; i < 40; i++) { int c = client(port); char x = i, y = 0; send(c, &x, 1, 0); if (recv(c, &y, 1, 0) == 1 && y == x) good++; close(c); } T(good); shutdown(l, SHUT_RDWR); for (int i = 0; i < 4; i++) pthread_join(t[i], 0); T(accepted); T(failed);
  void *v; tcp_pair(p); pthread_create(&r, 0, reader, 0); usleep(20000); shutdown(p[1], SHUT_RD); pthread_join(r, &v); T((long)v); tcp_pair(p); pthread_create(&r, 0, reader, 0); usleep(20000); close(p[0]); pthread_join(r, &v); T((long)v); tcp_pair(p); pthread_create(&r, 0, reader, 0); usleep(20000); send(p[0], "abc", 3, 0); pthread_join(r, &v); T((long)v);
}
