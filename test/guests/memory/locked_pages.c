/* Locked memory: msync that must not invalidate it, lengths that wrap, mlockall; barriers that want a registration; advice for others. */
#include "check.h"
#include <linux/membarrier.h>
static long locked(void) { char l[200]; long n = -1; FILE *f = fopen("/proc/self/status", "r"); while (f && fgets(l, 200, f)) sscanf(l, "VmLck: %ld", &n); fclose(f); return n; }
int main(void) {
  char *m = mmap(0, 16384, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(mlock(m + 4096, 4096)); T(locked()); T(msync(m, 8192, MS_INVALIDATE)); T(msync(m, 4096, MS_INVALIDATE)); T(msync(m, 16384, MS_SYNC)); T(munlock(m, 16384)); T(locked()); T(msync(m, 8192, MS_INVALIDATE)); T(mlock(m, -1)); T(mlock(m, 1UL << 45)); T(munlock(m, -1));
  if (geteuid() == 0) { T(mlockall(MCL_CURRENT)); IS(locked() > 100); T(munlockall()); T(locked()); }
  T((long)mremap(m, 1UL << 50, 4096, MREMAP_MAYMOVE)); T((long)mremap(m, 1UL << 40, 4096, MREMAP_MAYMOVE));
  T(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)); T(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0)); T(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)); T(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0)); T(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1)); T(syscall(SYS_membarrier, 1 << 20, 0)); T(syscall(SYS_membarrier, 9, 0));
  fflush(stdout);
  if (fork() == 0) { T(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)); _exit(0); }
  wait(0);
  pid_t pid = fork();
  if (pid == 0) { pause(); _exit(0); }
  int fd = syscall(SYS_pidfd_open, pid, 0), own = syscall(SYS_pidfd_open, getpid(), 0);
  struct iovec { void *p; size_t n; } v[2] = {{m, 4096}, {m + 8192, 4096}}, bad = {(void *)0x1000, 4096}, odd = {m + 1, 10};
  m[0] = 1;
  T(syscall(SYS_process_madvise, fd, v, 2, MADV_WILLNEED, 0)); T(syscall(SYS_process_madvise, own, v, 2, MADV_COLD, 0)); T(syscall(SYS_process_madvise, fd, v, 2, MADV_DONTNEED, 0)); T(syscall(SYS_process_madvise, fd, v, 2, MADV_WILLNEED, 1)); T(syscall(SYS_process_madvise, -1, v, 2, MADV_WILLNEED, 0)); T(syscall(SYS_process_madvise, 0, v, 2, MADV_WILLNEED, 0)); T(syscall(SYS_process_madvise, fd, v, 1025, MADV_WILLNEED, 0)); T(syscall(SYS_process_madvise, fd, 8, 1, MADV_WILLNEED, 0)); T(syscall(SYS_process_madvise, fd, &bad, 1, MADV_WILLNEED, 0)); T(syscall(SYS_process_madvise, fd, &odd, 1, MADV_WILLNEED, 0));
  T(syscall(SYS_process_mrelease, fd, 0)); T(syscall(SYS_process_mrelease, fd, 1)); T(syscall(SYS_process_mrelease, -1, 0));
  kill(pid, SIGKILL);
  waitpid(pid, 0, 0);
  T(syscall(SYS_process_madvise, fd, v, 1, MADV_WILLNEED, 0)); T(syscall(SYS_process_mrelease, fd, 0));
}
