/* Thousands of events at once; order and rest under a small maximum. */
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#define N 9000
static struct epoll_event o[N + 1];
int main(void) {
  struct rlimit r; getrlimit(RLIMIT_NOFILE, &r); if (r.rlim_max < N + 20) return 0; r.rlim_cur = r.rlim_max; setrlimit(RLIMIT_NOFILE, &r); int e = epoll_create1(0), f = eventfd(1, 0);
  for (int i = 0; i < N; i++) { struct epoll_event v = {EPOLLIN, {.u32 = i}}; epoll_ctl(e, EPOLL_CTL_ADD, fcntl(f, F_DUPFD, 0), &v); }
  T(epoll_wait(e, o, 5000, 0)); T(o[4999].data.u32); T(epoll_wait(e, o, N + 1, 0)); T(o[0].data.u32); T(o[N - 1].data.u32); int sum = 0; for (int i = 0; i < N; i++) sum += o[i].data.u32; T(sum); eventfd_t x; eventfd_read(f, &x); T(epoll_wait(e, o, N + 1, 0));
}
