/* Calls on process 1, on addresses that cannot be, on the only node, and on results that do not come. */
#include "check.h"
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <poll.h>
static void on(int s) {}
static void policies(void) {
  unsigned long one = 1, two = 2, far = 1UL << 40, none = 0, got[16];
  int mode = -1;
  T(syscall(SYS_get_mempolicy, &mode, 0, 0, 0, 0)); T(mode);
  T(syscall(SYS_set_mempolicy, MPOL_BIND, &one, 65)); T(syscall(SYS_get_mempolicy, &mode, got, 1024, 0, 0)); T(mode); T(got[0]);
  T(syscall(SYS_set_mempolicy, MPOL_BIND, &none, 65)); T(syscall(SYS_set_mempolicy, MPOL_BIND, &far, 65)); T(syscall(SYS_set_mempolicy, MPOL_BIND, 0, 0)); T(syscall(SYS_set_mempolicy, MPOL_DEFAULT, &one, 65)); T(syscall(SYS_set_mempolicy, MPOL_PREFERRED, 0, 0)); T(syscall(SYS_get_mempolicy, &mode, got, 1024, 0, 0)); T(mode); T(got[0]);
  T(syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &one, 65)); T(syscall(SYS_get_mempolicy, &mode, 0, 0, 0, MPOL_F_NODE)); T(mode); T(syscall(SYS_set_mempolicy, MPOL_LOCAL, &one, 65)); T(syscall(SYS_set_mempolicy, 77, 0, 0)); T(syscall(SYS_set_mempolicy, -1, 0, 0)); T(syscall(SYS_set_mempolicy, MPOL_BIND, -1, 65)); T(syscall(SYS_set_mempolicy, MPOL_BIND, &one, 1UL << 40)); T(syscall(SYS_set_mempolicy, MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, &one, 65)); T(syscall(SYS_set_mempolicy, MPOL_DEFAULT, 0, 0));
  T(syscall(SYS_get_mempolicy, 0, got, 0, 0, 0)); T(syscall(SYS_get_mempolicy, &mode, 0, 0, &one, 0)); T(syscall(SYS_get_mempolicy, &mode, 0, 0, &one, MPOL_F_ADDR)); T(syscall(SYS_get_mempolicy, &mode, 0, 0, 0x10000, MPOL_F_ADDR)); T(syscall(SYS_get_mempolicy, &mode, 0, 0, &one, MPOL_F_ADDR | MPOL_F_NODE)); T(mode); T(syscall(SYS_get_mempolicy, 0, got, 1024, 0, MPOL_F_MEMS_ALLOWED)); T(got[0]); T(syscall(SYS_get_mempolicy, 0, got, 1024, 0, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE)); T(syscall(SYS_get_mempolicy, &mode, 0, 0, 0, 16)); T(syscall(SYS_get_mempolicy, -1, 0, 0, 0, 0));
  char *p = mmap(0, 16384, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(syscall(SYS_mbind, p, 16384, MPOL_BIND, &one, 65, 0)); T(syscall(SYS_mbind, p + 1, 4096, MPOL_BIND, &one, 65, 0)); T(syscall(SYS_mbind, p, 16384, MPOL_BIND, &far, 65, 0)); T(syscall(SYS_mbind, p, 16384, MPOL_BIND, &one, 65, 64)); T(syscall(SYS_mbind, p, 0, MPOL_BIND, &one, 65, 0)); T(syscall(SYS_mbind, 0x10000, 4096, MPOL_BIND, &one, 65, 0)); T(syscall(SYS_mbind, p, 4096, MPOL_DEFAULT, 0, 0, MPOL_MF_STRICT));
  p[0] = 1;
  void *pages[3] = {p, p + 4096, (void *)0x10000}; int status[3] = {9, 9, 9}, nodes[3] = {0, 0, 0}, wrong[3] = {0, 77, 0};
  T(syscall(SYS_move_pages, 0, 3, pages, 0, status, MPOL_MF_MOVE)); printf("%d %d %d\n", status[0], status[1], status[2]);
  T(syscall(SYS_move_pages, 0, 1, pages, nodes, status, MPOL_MF_MOVE)); T(status[0]); T(syscall(SYS_move_pages, 0, 3, pages, wrong, status, MPOL_MF_MOVE)); T(syscall(SYS_move_pages, 0, 1, pages, nodes, status, 64)); T(syscall(SYS_move_pages, 999999, 1, pages, nodes, status, MPOL_MF_MOVE)); T(syscall(SYS_move_pages, 0, 1, -1, nodes, status, MPOL_MF_MOVE)); T(syscall(SYS_move_pages, 0, 0, 0, 0, 0, MPOL_MF_MOVE));
  T(syscall(SYS_migrate_pages, 0, 65, &one, &one)); T(syscall(SYS_migrate_pages, 0, 65, &one, &none)); T(syscall(SYS_migrate_pages, 999999, 65, &one, &one)); T(syscall(SYS_migrate_pages, 0, 65, -1, &one)); T(syscall(SYS_migrate_pages, 0, 1UL << 40, &one, &one));
}
int main(void) {
  T(syscall(SYS_futex, -1L, FUTEX_WAIT, 0, 0)); T(syscall(SYS_futex, -1L, FUTEX_WAKE, 1)); T(syscall(SYS_futex, 1L, FUTEX_WAIT, 0, 0)); T(syscall(SYS_futex, 0L, FUTEX_WAIT, 0, 0)); T(syscall(SYS_futex, 0L, FUTEX_WAKE, 1));
  clockid_t c; struct timespec t;
  T(clock_getcpuclockid(1, &c)); OK(clock_gettime(c, &t)); T(clock_getres(c, &t)); T(clock_getcpuclockid(999999, &c)); T(clock_getcpuclockid(-1, &c)); T(clock_settime(c, &t));
  int p = syscall(SYS_pidfd_open, 1, 0); IS(p >= 0); struct pollfd f = {p, POLLIN}; T(poll(&f, 1, 0)); T(syscall(SYS_pidfd_send_signal, p, 0, 0, 0)); T(syscall(SYS_pidfd_open, 0, 0)); T(syscall(SYS_pidfd_open, -1, 0)); T(syscall(SYS_pidfd_open, 1, 3)); T(syscall(SYS_pidfd_open, 999999, 0));
  policies();
  aio_context_t ctx = 0; struct io_event e[2]; struct timespec soon = {0, 20000000}; sigset_t m; struct { sigset_t *s; size_t n; } set = {&m, 8}; signal(SIGALRM, on); sigemptyset(&m);
  T(syscall(SYS_io_setup, 4, &ctx)); T(syscall(SYS_io_pgetevents, ctx, 0, 1, e, 0, 0)); T(syscall(SYS_io_pgetevents, ctx, 1, 1, e, &soon, 0)); T(syscall(SYS_io_pgetevents, ctx, 1, 1, e, &soon, &set)); set.n = 4; T(syscall(SYS_io_pgetevents, ctx, 1, 1, e, &soon, &set)); set.n = 8; set.s = (void *)8; T(syscall(SYS_io_pgetevents, ctx, 1, 1, e, &soon, &set)); T(syscall(SYS_io_pgetevents, ctx, 1, 1, e, &soon, -1)); T(syscall(SYS_io_pgetevents, 5, 1, 1, e, &soon, 0)); T(syscall(SYS_io_pgetevents, ctx, 2, 1, e, &soon, 0)); T(syscall(SYS_io_pgetevents, ctx, -1, 1, e, &soon, 0));
  sigset_t blocked, now; sigemptyset(&blocked); sigaddset(&blocked, SIGALRM); sigprocmask(SIG_BLOCK, &blocked, 0); struct itimerval it = {{0}, {0, 5000}}; setitimer(ITIMER_REAL, &it, 0); set.s = &m; soon.tv_sec = 5; T(syscall(SYS_io_pgetevents, ctx, 1, 1, e, &soon, &set)); sigprocmask(0, 0, &now); T(sigismember(&now, SIGALRM));
  int fd = open("f", O_CREAT | O_RDWR, 0644); char b[4] = "abc"; struct iocb cb = {.aio_data = 7, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd, .aio_buf = (long)b, .aio_nbytes = 3}, *cbs[] = {&cb}; T(syscall(SYS_io_submit, ctx, 1, cbs)); T(syscall(SYS_io_pgetevents, ctx, 1, 2, e, 0, &set)); printf("%lld %lld\n", e[0].data, e[0].res); T(syscall(SYS_io_destroy, ctx));
}
