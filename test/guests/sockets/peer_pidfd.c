#include "../check.h"
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#define PASSPIDFD 76
#define PEERPIDFD 77
#define PEERGROUPS 59
/* Who is at the other end, as a descriptor: SO_PEERPIDFD, SO_PASSPIDFD with SCM_PIDFD; SO_PEERGROUPS. */
static int pid_of(int fd) {
  char path[64], line[128];
  int pid = -2;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *f = fopen(path, "r");
  if (f == NULL) return -3;
  while (fgets(line, sizeof line, f)) sscanf(line, "Pid: %d", &pid);
  fclose(f);
  return pid;
}
int main(void) {
  int p[2], on = 1, value = -1;
  socklen_t length = sizeof value;
  gid_t groups[] = {5, 7, 9}, got[8];
  setgroups(3, groups);
  socketpair(AF_UNIX, SOCK_STREAM, 0, p);
  T(getsockopt(p[0], SOL_SOCKET, PEERPIDFD, &value, &length));
  IS(pid_of(value) == getpid() && length == 4);
  T(fcntl(value, F_GETFD));
  length = sizeof got;
  T(getsockopt(p[0], SOL_SOCKET, PEERGROUPS, got, &length));
  printf("%u bytes: %u %u %u\n", length, got[0], got[1], got[2]);
  length = 4;
  T(getsockopt(p[0], SOL_SOCKET, PEERGROUPS, got, &length));
  printf("%u bytes\n", length);
  int lone = socket(AF_UNIX, SOCK_STREAM, 0);
  length = 4;
  T(getsockopt(lone, SOL_SOCKET, PEERPIDFD, &value, &length));
  T(getsockopt(lone, SOL_SOCKET, PEERGROUPS, got, &length));
  T(getsockopt(lone, SOL_SOCKET, PASSPIDFD, &value, &length));
  printf("%d\n", value);
  T(setsockopt(p[0], SOL_SOCKET, PASSPIDFD, &on, sizeof on));
  T(getsockopt(p[0], SOL_SOCKET, PASSPIDFD, &value, &length));
  printf("%d\n", value);
  int go[2];
  pipe(go);
  pid_t pid = fork();
  char byte;
  if (pid == 0) {
    write(p[1], "hello", 5);
    read(go[0], &byte, 1);
    _exit(0);
  }
  char text[8], control[128];
  struct iovec v = {text, sizeof text};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  T(recvmsg(p[0], &m, MSG_CMSG_CLOEXEC));
  struct cmsghdr *head = CMSG_FIRSTHDR(&m);
  IS(head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == 4 && head->cmsg_len == CMSG_LEN(4));
  memcpy(&value, CMSG_DATA(head), 4);
  IS(pid_of(value) == pid);
  struct pollfd wait = {value, POLLIN, 0};
  T(poll(&wait, 1, 0));
  write(go[1], "x", 1);
  T(poll(&wait, 1, -1));
  waitpid(pid, NULL, 0);
  write(p[1], "own", 3);
  m.msg_controllen = 8;
  T(recvmsg(p[0], &m, 0));
  HEX(m.msg_flags & MSG_CTRUNC);
  /* Whoever writes, by his real ids; the peer is who made the socket. */
  setsockopt(p[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  fflush(stdout);
  pid = fork();
  if (pid == 0) {
    setresgid(77, 78, 79);
    setresuid(77, 78, 79);
    write(p[1], "w", 1);
    send(p[1], "s", 1, 0);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  for (int i = 0; i < 2; i++) {
    m.msg_controllen = sizeof control;
    v.iov_len = 1;
    T(recvmsg(p[0], &m, 0));
    struct ucred who;
    memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof who);
    printf("%c: writer %d uid %d gid %d\n", text[0], who.pid == pid, who.uid, who.gid);
  }
  struct ucred peer;
  length = sizeof peer;
  T(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &peer, &length));
  printf("peer %d uid %d\n", peer.pid == getpid(), peer.uid);
  return 0;
}
