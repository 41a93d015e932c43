/* Answers at the edges that test suites ask for: old calls, numbers of clocks, depths, prefixes. */
#include "check.h"
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

struct ustat_ { int tfree; unsigned long tinode; char name[6], pack[6]; };
static struct timespec none;
static long sleep_on(int clock) { return syscall(SYS_clock_nanosleep, clock, 0, &none, 0); }

static void clocks(void) {
  for (int clock = -8; clock < 0; clock++) { printf("%d: ", clock); T(sleep_on(clock)); }
  T(sleep_on(CLOCK_THREAD_CPUTIME_ID)); T(sleep_on(CLOCK_MONOTONIC_RAW)); T(sleep_on(99));
}

static void nested_sets(void) {
  int end[2], below, above[6];
  struct epoll_event event = {.events = EPOLLIN};
  T(pipe(end));
  below = end[0];
  for (int i = 0; i < 6; i++) { above[i] = epoll_create1(0); printf("%d: ", i); T(epoll_ctl(above[i], EPOLL_CTL_ADD, below, &event)); below = above[i]; }
  int other = epoll_create1(0);
  T(epoll_ctl(above[0], EPOLL_CTL_ADD, above[4], &event));
  close(above[1]);
  T(epoll_ctl(other, EPOLL_CTL_ADD, above[0], &event));
}

static void requests(void) {
  aio_context_t context = 0;
  struct iocb request = {.aio_fildes = -1}, *list[] = {&request, (void *)8};
  T(syscall(SYS_io_setup, 1, &context)); T(syscall(SYS_io_submit, context, -1L, list)); T(syscall(SYS_io_submit, context, 1L, list));
  int fd = open("/dev/null", O_RDWR);
  request = (struct iocb){.aio_fildes = fd, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (long)"x", .aio_nbytes = 1};
  T(syscall(SYS_io_submit, context, 0xffffffffL, list)); T(syscall(SYS_io_submit, context, 1L, list));
  struct io_event events[3];
  T(syscall(SYS_io_getevents, context, 2L, 3L, events, 0)); T(syscall(SYS_io_getevents, context, -1L, 3L, events, 0)); T(syscall(SYS_io_destroy, context));
}

static void names(void) {
  struct utsname name;
  T(personality(PER_LINUX32)); uname(&name); puts(name.machine); T(personality(PER_LINUX)); uname(&name); puts(name.machine);
  T(prctl(PR_SET_SPECULATION_CTRL, 9, 0, 0, 0)); T(prctl(PR_SET_SPECULATION_CTRL, 9, 0, 1, 0));
  close(open("f", O_CREAT | O_RDWR, 0600));
  T(setxattr("f", "user.", "1", 1, 0)); T(getxattr("f", "user.", 0, 0)); T(removexattr("f", "user."));
  int place = open("f", O_PATH);
  IS(mmap(0, 4096, PROT_READ, MAP_SHARED, place, 0) == MAP_FAILED && errno == EBADF);
  int only = open("f", O_RDONLY);
  char *map = mmap(0, 4096, PROT_READ, MAP_SHARED, only, 0);
  T(madvise(map, 4096, MADV_REMOVE)); mlock(map, 4096); T(madvise(map, 4096, MADV_REMOVE));
}

static void privileged(void) {
  char full[24] = {0, 0, 0, 2};
  T(setxattr("f", "security.capability", "1", 1, 0)); T(setxattr("f", "security.capability", full, 19, 0)); T(setxattr("f", "security.capability", full, 24, 0)); full[0] = 1; T(setxattr("f", "security.capability", full, 20, 0)); T(removexattr("f", "security.capability"));
}

static void unprivileged(void) {
  if (geteuid() == 0) { chmod("f", 0666); setgid(65534); setuid(65534); }
  char full[20] = {0, 0, 0, 2};
  T(setxattr("f", "security.capability", full, 20, 0));
  T(kill(1, 0)); T(syscall(SYS_tkill, 1, 0)); T(syscall(SYS_tgkill, 1, 1, 0)); T(syscall(SYS_tgkill, 2000000000, 1, 0)); T(syscall(SYS_tkill, 1, 65));
}

int main(void) {
  clocks(); nested_sets(); requests(); names();
  struct ustat_ left = {.tfree = -1};
  struct stat at;
  T(stat(".", &at)); T(syscall(SYS_ustat, (unsigned)at.st_dev, &left)); IS(left.tfree != -1); T(syscall(SYS_ustat, 0, &left)); T(syscall(SYS_ustat, (unsigned)at.st_dev, 8));
  struct seminfo limits;
  semctl(0, 0, IPC_INFO, &limits); IS(limits.semmap == limits.semmns); IS(limits.semmnu == limits.semmns);
  T(syscall(SYS_clone, CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0)); T(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM, 0, 0, 0, 0)); T(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS, 0, 0, 0, 0));
  T(syscall(SYS_keyctl, 11, -99, 0, 0));
  if (geteuid() == 0) CHILD(privileged);
  CHILD(unprivileged);
}
