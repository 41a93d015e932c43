/* Small things that suites ask: longer structures, options of new kernels, types of file systems, locked segments. */
#include "check.h"
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
int main(void) {
  struct { unsigned size, policy; unsigned long flags; int nice; unsigned prio; unsigned long rest[3]; unsigned umin, umax; char more[100]; } a = {.size = sizeof a};
  T(syscall(SYS_sched_setattr, 0, &a, 0)); a.more[50] = 1; a.size = sizeof a; T(syscall(SYS_sched_setattr, 0, &a, 0)); T(a.size); a.size = 48; T(syscall(SYS_sched_setattr, 0, &a, 0)); a.size = 5000; T(syscall(SYS_sched_setattr, 0, &a, 0)); T(a.size);
  T(prctl(66, 0, 0, 0, 0)); T(prctl(66, 1, 0, 0, 0)); T(prctl(65, 0, 0, 0, 0)); T(prctl(65, 1 << 20, 0, 0, 0)); T(prctl(68, 0, 0, 0, 0)); T(prctl(67, 0, 0, 0, 0)); T(prctl(67, 0, 1, 0, 0));
  char b[100] = "";
  IS(syscall(SYS_sysfs, 3) > 3); T(syscall(SYS_sysfs, 1, "no such type")); IS(syscall(SYS_sysfs, 1, "tmpfs") >= 0); T(syscall(SYS_sysfs, 2, syscall(SYS_sysfs, 1, "tmpfs"), b)); printf("%s\n", b); T(syscall(SYS_sysfs, 2, 1000, b)); T(syscall(SYS_sysfs, 99)); T(syscall(SYS_sysfs, 1, 8)); T(syscall(SYS_sysfs, 2, 0, 8));
  struct shmid_ds d;
  int id = shmget(IPC_PRIVATE, 4096, 0600);
  T(shmctl(id, SHM_LOCK, 0)); shmctl(id, IPC_STAT, &d); HEX(d.shm_perm.mode); T(shmctl(id, SHM_UNLOCK, 0)); shmctl(id, IPC_STAT, &d); HEX(d.shm_perm.mode); T(shmctl(id, IPC_RMID, 0)); T(shmget(IPC_PRIVATE, 1UL << 46, 0600)); T(shmget(IPC_PRIVATE, -1, 0600));
  int s[2], n = getpid(), got = 0;
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  T(ioctl(s[0], 0x8903, &got)); T(ioctl(s[0], 0x8902, &n)); T(ioctl(s[0], 0x8904, &got)); IS(got == getpid()); IS(fcntl(s[0], F_GETOWN) == getpid()); n = -getpgrp(); T(ioctl(s[0], 0x8901, &n)); T(ioctl(s[0], 0x8903, &got)); IS(got == -getpgrp()); T(ioctl(s[0], 0x8902, 8)); T(ioctl(0, 0x8903, 8)); T(ioctl(s[0], 0x8905, &got)); T(got); T(ioctl(s[0], 0x8905, 8));
  pid_t pid = fork();
  if (pid == 0) { setsid(); signal(SIGHUP, SIG_IGN); if (geteuid() == 0) T(syscall(SYS_vhangup)); setgid(65534); setuid(65534); T(syscall(SYS_vhangup)); _exit(0); }
  waitpid(pid, 0, 0);
}
