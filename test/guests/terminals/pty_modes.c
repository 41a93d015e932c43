/* Pseudo-terminals: line editing, modes and their flags, flushing, flow, and what master and slave answer (termios(3), ioctl_tty(2)). */
#include "check.h"
#include <pty.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;
static void get(int fd) {
  char b[200] = {0};
  errno = 0;
  long n = read(fd, b, sizeof b);
  printf("%c %ld %s [", fd == m ? 'm' : 's', n, n < 0 ? strerrorname_np(errno) : "");
  for (int i = 0; i < n; i++) printf(b[i] < 32 || b[i] > 126 ? "\\%02x" : "%c", (unsigned char)b[i]);
  puts("]");
}
/* What is written is at the other side a moment later. */
static void put(int fd, const char *text) { long n = write(fd, text, strlen(text)); if (n != (long)strlen(text)) printf("write %ld\n", n); usleep(5000); }
static void events(int fd) { struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0}; poll(&p, 1, 0); printf("%c poll %#x\n", fd == m ? 'm' : 's', p.revents); }
static void line(const char *text) { put(m, text); get(m); get(s); }

int main(void) {
  struct termios t, raw;
  char name[40];
  int n, one = 1, off = 0;
  signal(SIGHUP, SIG_IGN); signal(SIGTTOU, SIG_IGN);
  m = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK); unlockpt(m); strcpy(name, ptsname(m)); s = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
  tcgetattr(s, &t);
  put(s, "hello\n"); get(m);
  line("abc\n"); line("ab\x7f\x7f\x7fz\n"); line("foo bar\x17x\n"); line("foo\x15x\n"); line("a\x04"); line("\x04"); line("\x16\x03\n"); line("x\ry\r"); get(s); line("ab\x12\n"); line("\t\x01\x1b[A\n"); line("one\ntwo\n"); get(s);
  put(m, "part"); get(s); events(s); T(ioctl(s, FIONREAD, &n)); T(n); put(m, "\n"); T(ioctl(s, FIONREAD, &n)); T(n); events(s); get(s); get(m);
  { char b[5000]; memset(b, 'q', sizeof b); long sent = 0, got = 0, r; while (sent < 5000 && (r = write(m, b, 5000 - sent)) > 0) sent += r; usleep(20000); put(m, "\n"); while ((r = read(s, b, sizeof b)) > 0) got += r; T(got); while (read(m, b, sizeof b) > 0); }
  raw = t; cfmakeraw(&raw); T(tcsetattr(s, TCSANOW, &raw)); line("a\x03\x04\n"); put(s, "x\ny"); get(m);
  raw.c_cc[VMIN] = 3; tcsetattr(s, TCSANOW, &raw); put(m, "ab"); events(s); get(s); put(m, "cde"); events(s); get(s);
  raw.c_cc[VMIN] = 0; tcsetattr(s, TCSANOW, &raw); get(s); fcntl(s, F_SETFL, 0); get(s); raw.c_cc[VTIME] = 1; tcsetattr(s, TCSANOW, &raw); get(s); fcntl(s, F_SETFL, O_NONBLOCK);
  put(m, "pend"); tcsetattr(s, TCSANOW, &t); get(s); put(m, "more\n"); get(s); get(m);
  raw = t; raw.c_lflag &= ~ECHO; tcsetattr(s, TCSANOW, &raw); line("hid\n"); raw.c_lflag |= ECHONL; tcsetattr(s, TCSANOW, &raw); line("hid\n");
  raw = t; raw.c_iflag |= IGNCR | IUCLC | ISTRIP; tcsetattr(s, TCSANOW, &raw); line("A\rB\xc1\n");
  raw = t; raw.c_oflag |= ONOCR | OLCUC | OCRNL; tcsetattr(s, TCSANOW, &raw); put(s, "\rab\r\nc\t|\n"); get(m);
  raw = t; raw.c_oflag = OPOST | XTABS; tcsetattr(s, TCSANOW, &raw); put(s, "\ta\tbcdefghi\t\bX\t\n"); get(m);
  raw = t; raw.c_cc[VEOL] = '!'; raw.c_cc[VEOL2] = '?'; tcsetattr(s, TCSANOW, &raw); line("ab!cd?ef\n"); get(s); get(s);
  T(tcsetattr(s, TCSANOW, &t)); put(m, "zzz\n"); T(tcflush(s, TCIFLUSH)); get(s); get(m); put(s, "out"); T(tcflush(s, TCOFLUSH)); get(m); T(tcflush(s, 9));
  T(tcflow(s, TCOOFF)); T(write(s, "no", 2)); T(tcflow(s, TCOON)); T(tcflow(s, 9)); put(m, "\x13"); T(write(s, "no", 2)); put(m, "\x11"); get(m);
  T(ioctl(m, TIOCGPGRP, &n)); T(n); T(ioctl(s, TIOCGPGRP, &n)); T(ioctl(s, TIOCGSID, &n)); T(ioctl(s, TIOCNOTTY, 0)); T(ioctl(s, TIOCGPTN, &n)); T(ioctl(s, TIOCPKT, &one)); T(ioctl(m, TIOCPKT, &one)); put(s, "pk"); get(m); T(ioctl(m, TIOCPKT, &off));
  T(ioctl(m, TIOCSIG, SIGINT)); T(ioctl(m, TIOCSIG, SIGKILL)); T(ioctl(s, TIOCSIG, SIGINT)); T(ioctl(s, TIOCGSOFTCAR, &n)); T(n); T(ioctl(s, TIOCMGET, &n)); T(lseek(s, 0, 0)); T(ftruncate(s, 0)); T(pread(s, name, 1, 0));
  close(s); events(m); get(m); s = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK); events(m); close(m); events(s); get(s); T(write(s, "x", 1)); T(tcgetattr(s, &t)); T(open(name, O_RDWR));
}
