#include "../check.h"
/* /proc/PID/syscall: the call that a thread is in; /proc/PID/stat: D while only one thing wakes it. */
static void show(pid_t pid, const char *what, unsigned long a, unsigned long b) {
  char path[64], text[256] = "", want[256];
  snprintf(path, sizeof path, "/proc/%d/syscall", pid);
  int fd = open(path, O_RDONLY);
  read(fd, text, sizeof text - 1);
  close(fd);
  long number;
  unsigned long args[8];
  int n = sscanf(text, "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx", &number, args, args + 1, args + 2, args + 3, args + 4, args + 5, args + 6, args + 7);
  printf("%s: %d fields, call %ld, arguments %s, stack and code %s\n", what, n, number, args[0] == a && args[1] == b ? "right" : "WRONG", args[6] && args[7] ? "there" : "MISSING");
}
static char state(pid_t pid) {
  char path[64], c = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *f = fopen(path, "r");
  if (f) fscanf(f, "%*d (%*[^)]) %c", &c), fclose(f);
  return c;
}
int main(void) {
  char text[256] = "", want[64];
  int fd = open("/proc/self/syscall", O_RDONLY);
  syscall(SYS_read, fd, text, 255UL);
  snprintf(want, sizeof want, "%ld 0x%lx 0x%lx 0x%lx", (long)SYS_read, (long)fd, (long)text, 255L);
  IS(strncmp(text, want, strlen(want)) == 0);
  int ends[2];
  static char byte[1];
  pipe(ends);
  pid_t pid = fork();
  if (pid == 0) syscall(SYS_read, ends[0], byte, 1UL), _exit(0);
  while (state(pid) != 'S') usleep(1000);
  show(pid, "read", ends[0], (unsigned long)byte);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  pid = fork();
  if (pid == 0) {
    if (vfork() == 0) { read(ends[0], byte, 1); _exit(0); }
    _exit(0);
  }
  for (int i = 0; i < 2000 && state(pid) != 'D'; i++) usleep(1000);
  printf("vfork waits: %c\n", state(pid));
  write(ends[1], "x", 1);
  waitpid(pid, NULL, 0);
  return 0;
}
