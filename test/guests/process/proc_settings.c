/* Files of /proc/PID that can be written, those that cannot, and a directory of a process that is no more. */
#include "check.h"
static void show(const char *path) { char b[300]; int f = open(path, O_RDONLY); long n = f < 0 ? -1 : read(f, b, sizeof b - 1); if (n < 0) { printf("%s: %s\n", path, strerrorname_np(errno)); return; } b[n] = 0; printf("%s: %s\n", path, b); close(f); }
static void put(const char *path, const char *text) { int f = open(path, O_WRONLY); if (f < 0) { printf("open %s: %s\n", path, strerrorname_np(errno)); return; } errno = 0; long n = write(f, text, strlen(text)); printf("%s <- %s: %ld %s\n", path, text, n, n < 0 ? strerrorname_np(errno) : ""); close(f); }
int main(void) {
  char path[100], b[100];
  const char *values[] = {"1001", "abc", "", " 17 \n", "0x10", "-1001"};
  for (int i = 0; i < 6; i++) put("/proc/self/oom_score_adj", values[i]);
  show("/proc/self/oom_score_adj"); put("/proc/self/oom_adj", "15"); show("/proc/self/oom_score_adj"); put("/proc/self/oom_adj", "16");
  put("/proc/self/coredump_filter", "0x7f"); show("/proc/self/coredump_filter"); put("/proc/self/coredump_filter", "x"); if (fork() == 0) { show("/proc/self/coredump_filter"); _exit(0); } wait(0);
  put("/proc/self/clear_refs", "1"); put("/proc/self/clear_refs", "9"); put("/proc/self/timerslack_ns", "100"); show("/proc/self/timerslack_ns"); put("/proc/self/timerslack_ns", "0"); show("/proc/self/timerslack_ns");
  put("/proc/self/comm", "abcdefghijklmnopqrstuvwxyz\n"); show("/proc/self/comm"); put("/proc/self/maps", "x"); put("/proc/self/cmdline", "x"); put("/proc/self/status", "x"); put("/proc/self/stat", "x"); put("/proc/sys/kernel/ostype", "x"); put("/proc/sys/kernel/version", "x");
  show("/proc/self/projid_map"); put("/proc/self/uid_map", "0 0 1"); put("/proc/self/gid_map", "0 0 1");
  struct stat st; const char *names[] = {"mem", "environ", "auxv", "coredump_filter", "clear_refs", "timerslack_ns", "oom_adj", "uid_map", "setgroups", "loginuid", "comm"};
  for (int i = 0; i < 11; i++) { sprintf(path, "/proc/self/%s", names[i]); T(stat(path, &st)); printf("%s %o\n", names[i], st.st_mode); }
  int child = fork(), zombie;
  if (child == 0) pause();
  sprintf(path, "/proc/%d/mem", child); int memory = open(path, O_RDONLY); sprintf(path, "/proc/%d", child); int folder = open(path, O_RDONLY);
  kill(child, SIGKILL); siginfo_t info; waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  const char *of_memory[] = {"environ", "auxv"};
  for (int i = 0; i < 2; i++) { zombie = openat(folder, of_memory[i], O_RDONLY); printf("%s %s\n", of_memory[i], zombie < 0 ? strerrorname_np(errno) : "opens"); }
  T(pread(memory, b, 10, (long)main)); T(readlinkat(folder, "exe", b, 10)); T(faccessat(folder, "status", F_OK, 0));
  waitpid(child, 0, 0); T(openat(folder, "stat", O_RDONLY)); T(readlinkat(folder, "exe", b, 10)); T(pread(memory, b, 10, (long)main));
  int events = syscall(SYS_epoll_create1, 0); sprintf(path, "/proc/self/fd/%d", events); T(open(path, O_RDONLY));
}
