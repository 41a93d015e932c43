#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
/* Listeners of seccomp: calls wait for another process, which answers, lets go on, gives descriptors. */
static int install(int number, unsigned flags) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
static volatile int signals;
static void handler(int sig) { signals++; }
static int receive(int listener, struct seccomp_notif *call) {
  memset(call, 0, sizeof *call);
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call);
}
static int answer(int listener, struct seccomp_notif *call, long value, int error, unsigned flags) {
  struct seccomp_notif_resp response = {call->id, value, error, flags};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}
static int events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}
static void show_status(void) {
  FILE *f = fopen("/proc/self/status", "r");
  char line[256];
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, "Seccomp", 7)) printf("%s", line);
  fclose(f);
}
static void refusals(void) {
  unsigned short sizes[3];
  T(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 1, sizes));
  T(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, NULL));
  T(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes));
  printf("%d %d %d\n", sizes[0], sizes[1], sizes[2]);
  unsigned action = SECCOMP_RET_USER_NOTIF;
  T(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
  T(install(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC));
  T(install(SYS_getppid, 1 << 5));
  T(install(SYS_getppid, 0)); /* nobody listens */
  T(syscall(SYS_getppid));
  int fd = install(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER);
  T(fcntl(fd, F_GETFD));
  T(install(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER));
  show_status();
  struct seccomp_notif call = {.id = 1};
  T(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call));
  T(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, NULL));
  T(ioctl(fd, 0x1234, NULL));
  T(events(fd));
  close(fd);
  T(syscall(SYS_getppid));
}
int main(void) {
  CHILD(refusals);
  signal(SIGUSR1, handler);
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  pid_t pid = fork();
  if (pid == 0) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    int fd = install(SYS_dup, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    char control[CMSG_SPACE(4)] = {0};
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &fd, 4);
    sendmsg(pair[1], &m, 0);
    close(fd);
    int value = dup(1000);
    int error = dup(1001) == -1 ? errno : 0;
    int own = dup(1); /* goes on */
    int later = dup(1003) == -1 ? errno : 0; /* interrupted, then answered */
    int given = dup(1004); /* gets a descriptor of the listener's process */
    printf("child: %d, errno %d, %d, errno %d\n", value, error, own > 2, later);
    char text[6] = "";
    read(given, text, 5);
    printf("read '%s'\n", text);
    fflush(stdout);
    dup(1005); /* killed meanwhile */
    _exit(9);
  }
  close(pair[1]);
  char data[CMSG_SPACE(4)], byte;
  struct iovec v = {&byte, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = data, .msg_controllen = sizeof data};
  recvmsg(pair[0], &m, 0);
  int listener;
  memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&m)), 4);
  struct seccomp_notif call;
  T(receive(listener, &call));
  IS(call.pid == (unsigned)pid && call.data.nr == SYS_dup && call.data.args[0] == 1000);
  IS(call.flags == 0 && call.data.arch == 0xc000003e && call.data.instruction_pointer != 0);
  T(events(listener));
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call.id));
  uint64_t other = call.id + 100;
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &other));
  T(answer(listener, &call, 1, 0, 2));
  T(answer(listener, &call, 1, 0, 1));
  T(answer(listener, &call, 4711, 0, 0));
  T(receive(listener, &call));
  T(answer(listener, &call, 0, -ENOTTY, 0));
  T(receive(listener, &call));
  T(answer(listener, &call, 0, 0, 1));
  T(receive(listener, &call));
  uint64_t first = call.id;
  kill(pid, SIGUSR1);
  T(receive(listener, &call));
  IS(call.id != first && call.data.args[0] == 1003);
  T(answer(listener, &call, 0, -EBUSY, 0));
  T(receive(listener, &call));
  int file = memfd_create("given", 0);
  write(file, "hello", 5);
  lseek(file, 0, SEEK_SET);
  struct seccomp_notif_addfd add = {.id = call.id, .srcfd = 999};
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add = (struct seccomp_notif_addfd){.id = call.id, .srcfd = file, .newfd = 50};
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.flags = 4;
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.flags = SECCOMP_ADDFD_FLAG_SETFD;
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  answer(listener, &call, 50, 0, 0); /* the child prints meanwhile */
  T(receive(listener, &call));
  kill(pid, SIGKILL);
  int status;
  waitpid(pid, &status, 0);
  HEX(status);
  T(answer(listener, &call, 0, 0, 0));
  T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call.id));
  T(events(listener));
  T(receive(listener, &call));
  return 0;
}
