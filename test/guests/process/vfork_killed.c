#include "../check.h"
/* A parent that waits for its vfork child: a deadly signal ends it, others wait. */
static volatile int caught;
static void handler(int sig) { caught++; }
static void run(int sig, int blocks) {
  int ends[2];
  char byte;
  pipe(ends);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    if (vfork() == 0) {
      read(ends[0], &byte, 1);
      _exit(0);
    }
    _exit(40 + caught);
  }
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  while (state != 'D') {
    FILE *f = fopen(path, "r");
    fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
    usleep(1000);
  }
  kill(pid, sig);
  usleep(20000);
  int status = 0;
  printf("signal %d: ended before its child %d", sig, waitpid(pid, &status, WNOHANG) == pid);
  write(ends[1], "x", 1);
  if (status == 0) waitpid(pid, &status, 0);
  printf(", status %#x\n", status);
}
int main(void) {
  run(SIGKILL, 0);
  run(SIGTERM, 0);
  run(SIGUSR1, 0);
  run(SIGCHLD, 0);
  return 0;
}
