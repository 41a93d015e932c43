#include "../check.h"
#include <linux/sched.h>
#include <mqueue.h>
#include <sys/capability.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <linux/securebits.h>
// flags: -lcap
/* Settings below /proc/sys that have an effect, SCHED_DEADLINE, and smaller rules of prctl and syslog. */
static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  int n = write(fd, text, strlen(text)), error = errno;
  close(fd);
  errno = error;
  return n;
}
static void show(const char *path) {
  char text[64] = "";
  int fd = open(path, O_RDONLY);
  read(fd, text, sizeof text - 1);
  close(fd);
  printf("%s: %s", path, text);
}
#define K "/proc/sys/kernel/"
static void ids(void) {
  show(K "shm_next_id");
  T(put(K "shm_next_id", "4711\n"));
  int id = shmget(IPC_PRIVATE, 4096, 0600);
  printf("shm %d\n", id);
  show(K "shm_next_id");
  T(put(K "shm_next_id", "-2"));
  T(put(K "shm_next_id", "x"));
  T(shmctl(id, IPC_RMID, 0));
  T(put(K "msg_next_id", "4712"));
  id = msgget(IPC_PRIVATE, 0600);
  printf("msg %d\n", id);
  T(msgctl(id, IPC_RMID, 0));
  T(put(K "sem_next_id", "4713"));
  id = semget(IPC_PRIVATE, 1, 0600);
  printf("sem %d\n", id);
  T(semctl(id, 0, IPC_RMID));
}
static void pipes(void) {
  int ends[2];
  show("/proc/sys/fs/pipe-max-size");
  T(put("/proc/sys/fs/pipe-max-size", "300000"));
  show("/proc/sys/fs/pipe-max-size");
  /* Made by one with CAP_SYS_RESOURCE or without; what counts is who asks. */
  pipe(ends);
  setuid(65534);
  T(fcntl(ends[1], F_SETPIPE_SZ, 4096));
  T(fcntl(ends[1], F_SETPIPE_SZ, 524288));
  T(fcntl(ends[1], F_SETPIPE_SZ, 524289));
  pipe(ends);
  T(fcntl(ends[1], F_GETPIPE_SZ));
}
static long set(uint64_t runtime, uint64_t deadline, uint64_t period, uint64_t flags) {
  struct sched_attr { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } a = {48, 6, flags, 0, 0, runtime, deadline, period};
  return syscall(SYS_sched_setattr, 0, &a, 0);
}
static void deadline(void) {
  uint64_t attr[7] = {0};
  enum { MS = 1000000 };
  T(set(0, 30 * MS, 30 * MS, 0));
  T(set(40 * MS, 30 * MS, 30 * MS, 0));
  T(set(10 * MS, 30 * MS, 20 * MS, 0));
  T(set(10 * MS, 30 * MS, 30 * MS, 0));
  T(sched_getscheduler(0));
  T(syscall(SYS_sched_getattr, 0, attr, 48, 0));
  printf("%llu %llu %llu policy %u\n", (long long)attr[3], (long long)attr[4], (long long)attr[5], (unsigned)(attr[0] >> 32));
  T(fork());
  T(set(10 * MS, 30 * MS, 0, 1));
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { printf("child policy %d\n", sched_getscheduler(0)); fflush(stdout); _exit(0); }
  waitpid(pid, NULL, 0);
  struct sched_param none = {0};
  T(sched_setscheduler(0, 6, &none));
  T(sched_setscheduler(0, SCHED_OTHER, &none));
  T(sched_getscheduler(0));
  setuid(65534);
  T(set(10 * MS, 30 * MS, 30 * MS, 0));
}
static void slack(void) {
  prctl(PR_SET_TIMERSLACK, 70000);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    T(prctl(PR_GET_TIMERSLACK));
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_TIMERSLACK, 0);
    T(prctl(PR_GET_TIMERSLACK));
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  prctl(PR_SET_TIMERSLACK, 0);
  T(prctl(PR_GET_TIMERSLACK));
}
static void ambient(void) {
  cap_value_t list[] = {CAP_NET_BIND_SERVICE};
  cap_t caps = cap_get_proc();
  cap_set_flag(caps, CAP_INHERITABLE, 1, list, CAP_SET);
  T(cap_set_proc(caps));
  T(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0));
  T(prctl(PR_SET_SECUREBITS, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0));
}
int main(void) {
  CHILD(ids);
  int limit = open("/proc/sys/fs/pipe-max-size", O_RDONLY);
  CHILD(pipes);
  T(put("/proc/sys/fs/pipe-max-size", "1048576"));
  CHILD(deadline);
  CHILD(slack);
  CHILD(ambient);
  char text[8];
  T(syscall(SYS_syslog, 8, text, -1));
  T(syscall(SYS_syslog, 8, text, 9));
  T(syscall(SYS_syslog, 100, text, 0));
  return 0;
}
