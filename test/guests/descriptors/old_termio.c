/* The ioctls of struct termio beside those of struct termios, on a terminal of its own. */
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

/* struct termios as the kernel has it. */
struct kernel_termios {
  unsigned c_iflag, c_oflag, c_cflag, c_lflag;
  unsigned char c_line, c_cc[19];
};

static void show(int fd) {
  struct termio old;
  struct kernel_termios now;
  memset(&old, 0x55, sizeof old);
  T(ioctl(fd, TCGETA, &old));
  T(ioctl(fd, TCGETS, &now));
  printf("%#x %#x %#x %#x %d | %#x %#x %#x %#x %d\n", old.c_iflag, old.c_oflag, old.c_cflag,
         old.c_lflag, old.c_line, now.c_iflag, now.c_oflag, now.c_cflag, now.c_lflag, now.c_line);
  bytes("characters", old.c_cc, 8);
  bytes("of termios", now.c_cc, 19);
}

int main(void) {
  int leader = posix_openpt(O_RDWR | O_NOCTTY);
  T(grantpt(leader));
  T(unlockpt(leader));
  int fd = open(ptsname(leader), O_RDWR | O_NOCTTY);
  IS(fd >= 0);
  show(fd);
  struct termio old;
  T(ioctl(fd, TCGETA, &old));
  old.c_lflag &= ~(ECHO | ICANON);
  old.c_iflag |= IXOFF;
  old.c_cc[VMIN] = 3;
  T(ioctl(fd, TCSETA, &old));
  show(fd);
  T(write(leader, "abc", 3));
  // A worker of Linux moves what was written to the other end: a flush before it finds nothing.
  T(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000));
  old.c_cc[VMIN] = 1;
  T(ioctl(fd, TCSETAF, &old));
  int left = -1;
  T(ioctl(fd, FIONREAD, &left));
  T(left);
  T(ioctl(fd, TCSETAW, &old));
  show(fd);
  T(ioctl(fd, TCGETA, 8));
  T(ioctl(fd, TCSETA, 8));
  T(ioctl(open("/dev/null", O_RDWR), TCGETA, &old));
  return 0;
}
