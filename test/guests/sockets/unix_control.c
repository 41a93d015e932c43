/* Descriptors and credentials of AF_UNIX messages: where they end a read, what is cut, what is refused. */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>

static int s[2];
typedef struct { void *p; size_t n; } vector;

static void get(int size, int flags, size_t room) {
  char b[64] = {0}, c[300];
  vector v = {b, size};
  struct msghdr m = {0, 0, (void *)&v, 1, c, room};
  errno = 0;
  long got = recvmsg(s[1], &m, flags);
  printf("recvmsg(%d, %#x, room %zu) = %ld %s [%s]", size, flags, room, got, got < 0 ? strerrorname_np(errno) : "", b);
  if (got >= 0) printf(" %#x control %zu", m.msg_flags, m.msg_controllen);
  puts("");
  for (struct cmsghdr *k = got < 0 ? 0 : CMSG_FIRSTHDR(&m); k; k = CMSG_NXTHDR(&m, k)) {
    printf("  type %d length %zu", k->cmsg_type, k->cmsg_len);
    for (int i = 0; k->cmsg_type == SCM_RIGHTS && i < (int)(k->cmsg_len - CMSG_LEN(0)) / 4; i++) {
      int fd = ((int *)CMSG_DATA(k))[i];
      printf(" fd %d", fcntl(fd, F_GETFD));
      close(fd);
    }
    struct ucred *u = (void *)CMSG_DATA(k);
    if (k->cmsg_type == SCM_CREDENTIALS && k->cmsg_len == CMSG_LEN(sizeof *u)) printf(" %s %d %d", u->pid == getpid() ? "me" : "other", u->uid, u->gid);
    puts("");
  }
}
static void put(const char *text, int rights, int credentials) {
  char c[2000] = {0};
  vector v = {(void *)text, strlen(text)};
  struct msghdr m = {0, 0, (void *)&v, 1, c, 0};
  if (rights) {
    struct cmsghdr *k = (void *)c;
    *k = (struct cmsghdr){CMSG_LEN(4 * rights), SOL_SOCKET, SCM_RIGHTS};
    for (int i = 0; i < rights; i++) ((int *)CMSG_DATA(k))[i] = 1;
    m.msg_controllen = CMSG_SPACE(4 * rights);
  }
  if (credentials) {
    struct cmsghdr *k = (void *)(c + m.msg_controllen);
    *k = (struct cmsghdr){CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS};
    *(struct ucred *)CMSG_DATA(k) = (struct ucred){getpid(), getuid(), getgid()};
    m.msg_controllen += CMSG_SPACE(sizeof(struct ucred));
  }
  T(sendmsg(s[0], &m, 0));
}

int main(void) {
  int one = 1, zero = 0, kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  char b[100];
  for (int i = 0; i < 3; i++) {
    T(socketpair(AF_UNIX, kinds[i], 0, s));
    fcntl(s[1], F_SETFL, O_NONBLOCK);
    put("abc", 1, 0); put("def", 0, 0); get(10, 0, 100); get(10, 0, 100);
    put("abc", 0, 0); put("def", 1, 0); put("ghi", 0, 0); get(20, 0, 100); get(20, 0, 100); get(20, 0, 100);
    put("abc", 2, 0); get(20, MSG_PEEK, 100); get(2, 0, 100); get(2, 0, 100);
    for (int room = 0; room <= 28; room += 4) { put("abc", 3, 0); get(20, MSG_CMSG_CLOEXEC, room); }
    put("abc", 253, 0); T(read(s[1], b, 10)); put("abc", 254, 0);
    setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, 4);
    put("abc", 0, 1); get(20, 0, 100);
    for (int room = 8; room <= 56; room += 8) { put("abc", 1, 1); get(20, 0, room); }
    put("ab", 0, 0); put("cd", 0, 0); get(20, 0, 100); get(20, 0, 100);
    setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &zero, 4);
    close(s[0]); close(s[1]);
  }
  /* A sender that wants credentials gets a name, so that it can be answered. */
  struct sockaddr_un server = {AF_UNIX, "\0control"}, name;
  socklen_t length = sizeof name;
  int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), sender = socket(AF_UNIX, SOCK_DGRAM, 0);
  T(bind(receiver, (void *)&server, 10)); T(setsockopt(sender, SOL_SOCKET, SO_PASSCRED, &one, 4));
  T(sendto(sender, "q", 1, 0, (void *)&server, 10)); T(getsockname(sender, (void *)&name, &length)); T(length);
  length = sizeof name; T(recvfrom(receiver, b, 1, 0, (void *)&name, &length)); T(length); T(sendto(receiver, "a", 1, 0, (void *)&name, length)); T(recv(sender, b, 10, 0));
}
