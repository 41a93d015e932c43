/* What every program may ask of process 1, and the refusals of prctl that go with it. */
#include "check.h"
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <linux/capability.h>

int main(void) {
  struct sched_param param;
  struct rlimit limit;
  struct timespec interval;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 1};
  struct __user_cap_data_struct sets[2];
  unsigned long mask[16];
  T(access("/proc/1", F_OK));
  T(access("/proc/1/status", F_OK));
  OK(getpgid(1));
  OK(getsid(1));
  OK(sched_getscheduler(1));
  T(sched_getparam(1, &param));
  OK(getpriority(PRIO_PROCESS, 1));
  OK(syscall(SYS_sched_getaffinity, 1, sizeof mask, mask));
  T(syscall(SYS_capget, &header, sets));
  T(sched_rr_get_interval(1, &interval));
  OK(syscall(SYS_ioprio_get, 1, 1));
  T(setpgid(1, 1));
  T(waitpid(1, NULL, WNOHANG));
  /* As somebody else. */
  if (geteuid() == 0) T(setresuid(65534, 65534, 65534));
  param.sched_priority = 1;
  T(sched_setscheduler(1, SCHED_FIFO, &param));
  T(setpriority(PRIO_PROCESS, 1, 5));
  T(prlimit(1, RLIMIT_NOFILE, NULL, &limit));
  T(kill(1, 0));
  T(readlink("/proc/1/exe", (char *)mask, sizeof mask));
  T(prctl(57, 1, 0, 0, 0));
  T(prctl(58, 0, 0, 0, 0));
  T(prctl(PR_SET_MM, 1, 0, 0, 0));
  T(timerfd_create(CLOCK_REALTIME_ALARM, 0));
  T(setitimer(3, (void *)-1, NULL));
  struct itimerval never = {{0, 0}, {0, 0}};
  T(setitimer(3, &never, NULL));
  T(clock_getres(~0 << 3 | 1, &interval));
  IS(interval.tv_nsec >= 1000000);
  long vector[2];
  IS(prctl(0x41555856, vector, sizeof vector, 0, 0) > 16);
  T(prctl(0x41555856, vector, sizeof vector, 1, 0));
  return 0;
}
