/* What can be done with descriptors of each kind: splices, direct I/O, empty reads; and O_PATH, which can nothing. */
#include "check.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static const char *names[20];
static int files[20], count;
static void add(const char *name, int fd) { names[count] = name; files[count++] = fd; }

static void path_only(int fd) {
  struct epoll_event event;
  struct itimerspec time;
  sigset_t none;
  sigemptyset(&none);
  T(epoll_wait(fd, &event, 1, 0)); T(timerfd_gettime(fd, &time)); T(inotify_rm_watch(fd, 1)); T(inotify_add_watch(fd, ".", IN_OPEN)); T(syscall(SYS_setns, fd, 0)); T(signalfd(fd, &none, 0));
}

/* Lines of /proc/locks that name this file. */
static int locks_of(const char *path, const char *kind) {
  struct stat at;
  char inode[40], line[200];
  stat(path, &at);
  sprintf(inode, ":%lu ", (unsigned long)at.st_ino);
  int found = 0;
  FILE *locks = fopen("/proc/locks", "r");
  while (locks && fgets(line, sizeof line, locks)) found += strstr(line, inode) && strstr(line, kind);
  if (locks) fclose(locks);
  return found;
}

int main(void) {
  int ends[2];
  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_IGN);
  add("file", open("f", O_RDWR | O_CREAT, 0600)); add("path", open("f", O_PATH)); add("folder", open(".", O_RDONLY)); add("null", open("/dev/null", O_RDWR)); add("maps", open("/proc/self/maps", O_RDONLY)); add("status", open("/proc/self/status", O_RDONLY)); add("mounts", open("/proc/self/mounts", O_RDONLY)); add("version", open("/proc/version", O_RDONLY)); add("unix", socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)); add("tcp", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)); add("udp", socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)); add("epoll", epoll_create1(0)); add("eventfd", eventfd(1, EFD_NONBLOCK)); add("signalfd", signalfd(-1, &none, SFD_NONBLOCK)); add("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)); add("inotify", inotify_init1(IN_NONBLOCK));
  pipe2(ends, O_NONBLOCK);
  write(files[0], "hello", 5); lseek(files[0], 0, 0);
  for (int i = 0; i < count; i++) {
    char byte;
    printf("%s:\n", names[i]);
    T(splice(files[i], 0, ends[1], 0, 1, SPLICE_F_NONBLOCK));
    if (strcmp(names[i], "unix") && strcmp(names[i], "tcp") && strcmp(names[i], "udp") && strcmp(names[i], "path")) { T(sendfile(ends[1], files[i], 0, 1)); T(fcntl(files[i], F_SETFL, O_DIRECT)); }
    else if (strcmp(names[i], "path")) T(read(files[i], &byte, 0));
  }
  path_only(files[1]);
  OK(open(".", O_RDONLY | O_DIRECT)); OK(open("/proc/self/status", O_RDONLY | O_DIRECT)); OK(open("/dev/null", O_RDWR | O_DIRECT)); mkfifo("p", 0600); OK(open("p", O_RDWR | O_DIRECT)); OK(open("f", O_PATH | O_DIRECT)); T(fcntl(ends[0], F_SETFL, O_DIRECT | O_NONBLOCK));
  struct flock whole = {.l_type = F_WRLCK}, part = {.l_type = F_RDLCK, .l_start = 10, .l_len = 5};
  close(open("g", O_CREAT | O_RDWR, 0600));
  int locked = open("g", O_RDWR), second = open("g", O_RDWR);
  T(locks_of("g", "POSIX  ADVISORY  WRITE")); T(fcntl(locked, F_SETLK, &whole)); T(locks_of("g", "POSIX  ADVISORY  WRITE")); T(locks_of("g", " 0 EOF")); whole.l_type = F_UNLCK; fcntl(locked, F_SETLK, &whole); fcntl(locked, F_OFD_SETLK, &part); T(locks_of("g", "OFDLCK ADVISORY  READ -1")); T(locks_of("g", " 10 14")); flock(second, LOCK_SH); T(locks_of("g", "FLOCK  ADVISORY  READ")); close(second); T(locks_of("g", "FLOCK"));
}
