/* clone(2): which combinations of flags are refused, and what each kind of child shares. */
#include "check.h"
#include <linux/sched.h>
static char stack[65536] __attribute__((aligned(16)));
static volatile int shared; static int pipe_fd[2];
static int body(void *arg) { shared = 7; return (long)arg; }
static long raw(unsigned long flags, void *sp, void *ptid, void *ctid, unsigned long tls) { return syscall(SYS_clone, flags, sp, ptid, ctid, tls); }
#define REFUSED(flags) do { errno = 0; long r = raw(flags, 0, 0, 0, 0); if (r == 0) _exit(0); if (r > 0) { waitpid(r, 0, __WALL); printf("%s: made\n", #flags); } else printf("%s: %s\n", #flags, strerrorname_np(errno)); fflush(stdout); } while (0)
static int status_of(int pid, int options) { int st = -1; if (waitpid(pid, &st, options) != pid) return -errno; return st; }
int main(void) {
  REFUSED(CLONE_SIGHAND | SIGCHLD); REFUSED(CLONE_THREAD | SIGCHLD); REFUSED(CLONE_THREAD | CLONE_VM | SIGCHLD); REFUSED(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD);
  REFUSED(CLONE_FS | CLONE_NEWNS | SIGCHLD); REFUSED(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD); REFUSED(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD);
  REFUSED(CLONE_FILES | CLONE_FS | SIGCHLD); REFUSED(CLONE_SYSVSEM | SIGCHLD); REFUSED(CLONE_IO | SIGCHLD); REFUSED(CLONE_UNTRACED | SIGCHLD); REFUSED(CLONE_PARENT_SETTID | SIGCHLD); REFUSED(CLONE_CHILD_SETTID | SIGCHLD); signal(SIGUSR2, SIG_IGN); REFUSED(0); REFUSED(SIGUSR2);
  int p = clone(body, stack + sizeof stack, CLONE_VM | SIGCHLD, (void *)42); IS(p > 0); HEX(status_of(p, 0)); T(shared); shared = 0;
  p = clone(body, stack + sizeof stack, SIGCHLD, (void *)43); HEX(status_of(p, 0)); T(shared);
  p = clone(body, stack + sizeof stack, 0, (void *)44); T(status_of(p, 0)); HEX(status_of(p, __WCLONE)); 
  p = clone(body, stack + sizeof stack, 0, (void *)45); HEX(status_of(p, __WALL));
  signal(SIGUSR1, SIG_IGN); p = clone(body, stack + sizeof stack, SIGUSR1, (void *)46); T(status_of(p, 0)); HEX(status_of(p, __WCLONE));
  pid_t ptid = -1, ctid = -1; p = raw(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &ptid, &ctid, 0); if (p == 0) _exit(ctid == getpid() && ptid == getpid() ? 1 : 2); IS(ptid == p); T(ctid); HEX(status_of(p, 0));
  p = raw(CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_VFORK | SIGCHLD, stack + sizeof stack - 64, 0, &ctid, 0);
  if (p == 0) { syscall(SYS_exit, 3); }
  HEX(status_of(p, 0)); T(ctid);
  int pfd = -1; p = raw(CLONE_PIDFD | SIGCHLD, 0, &pfd, 0, 0); if (p == 0) _exit(9); IS(pfd >= 0); IS(fcntl(pfd, F_GETFD) == FD_CLOEXEC); HEX(status_of(p, 0)); close(pfd);
  /* files shared or copied */
  pipe(pipe_fd); int fd = open("/dev/null", O_RDONLY); p = raw(CLONE_FILES | SIGCHLD, 0, 0, 0, 0); if (p == 0) { close(fd); _exit(0); } status_of(p, 0); T(fcntl(fd, F_GETFD)); fd = open("/dev/null", O_RDONLY); p = raw(SIGCHLD, 0, 0, 0, 0); if (p == 0) { close(fd); _exit(0); } status_of(p, 0); T(fcntl(fd, F_GETFD));
  /* working directory and umask */
  mkdir("sub", 0755); umask(022); p = raw(CLONE_FS | SIGCHLD, 0, 0, 0, 0); if (p == 0) { chdir("sub"); umask(077); _exit(0); } status_of(p, 0); char cwd[512]; getcwd(cwd, sizeof cwd); IS(strcmp(strrchr(cwd, '/'), "/sub") == 0); printf("umask %03o\n", umask(022)); chdir(".."); p = raw(SIGCHLD, 0, 0, 0, 0); if (p == 0) { chdir("sub"); umask(077); _exit(0); } status_of(p, 0); getcwd(cwd, sizeof cwd); IS(strcmp(strrchr(cwd, '/'), "/sub") != 0); printf("umask %03o\n", umask(022)); rmdir("sub");
  /* CLONE_PARENT: a sibling */
  fflush(stdout); p = fork(); if (p == 0) { long q = raw(CLONE_PARENT | SIGCHLD, 0, 0, 0, 0); if (q == 0) { usleep(1000); _exit(5); } int st; T(waitpid(q, &st, 0)); fflush(stdout); _exit(6); }
  int st, n = 0, sum = 0; while (waitpid(-1, &st, 0) > 0) { n++; sum += WEXITSTATUS(st); } T(n); T(sum);
}
