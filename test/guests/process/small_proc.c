/* Small files of /proc that are written, or differ from read to read; old names of the kernel. */
#include "check.h"
#include <sys/ipc.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/utsname.h>

static char text[4096];
static const char *get(const char *path) {
  int fd = open(path, O_RDONLY), length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length < 0) return strerrorname_np(errno);
  text[length] = 0;
  return text;
}
static long put(const char *path, const char *what) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  long result = write(fd, what, strlen(what));
  int kept = errno;
  close(fd);
  errno = kept;
  return result;
}

int main(void) {
  char first[64];
  strcpy(first, get("/proc/sys/kernel/random/uuid"));
  IS(strlen(first) == 37 && strcmp(first, get("/proc/sys/kernel/random/uuid"))); strcpy(first, get("/proc/sys/kernel/random/boot_id")); IS(!strcmp(first, get("/proc/sys/kernel/random/boot_id")));
  prctl(PR_SET_TIMERSLACK, 60000); printf("%s", get("/proc/self/timerslack_ns")); T(put("/proc/self/timerslack_ns", "70000\n")); T(prctl(PR_GET_TIMERSLACK)); T(put("/proc/self/timerslack_ns", "x")); T(put("/proc/self/timerslack_ns", "-1")); T(put("/proc/self/timerslack_ns", "0")); T(prctl(PR_GET_TIMERSLACK) > 1000);
  personality(ADDR_NO_RANDOMIZE); printf("%s", get("/proc/self/personality")); personality(UNAME26);
  struct utsname name;
  uname(&name); printf("%.4s\n", name.release); personality(0); uname(&name); IS(strncmp(name.release, "2.6.", 4));
  if (geteuid() == 0) T(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x1234, 0));
  T(syscall(SYS_reboot, 1, 2, 3, 0));
  siginfo_t info = {.si_code = SI_QUEUE};
  if (geteuid() == 0) { T(syscall(SYS_rt_sigqueueinfo, 1, 0, &info)); setgid(65534); setuid(65534); }
  T(syscall(SYS_rt_sigqueueinfo, 1, 0, &info)); T(syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &info)); T(syscall(SYS_rt_tgsigqueueinfo, 1, 1, 0, &info));
  int sets[3000], made = 0;
  while (made < 3000 && (sets[made] = semget(IPC_PRIVATE, 1, 0600)) >= 0) made++;
  T(made);
  while (made > 0) semctl(sets[--made], 0, IPC_RMID);
}
