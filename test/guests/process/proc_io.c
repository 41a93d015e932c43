// proc_pid_io(5): what read(2), write(2) and their relatives moved, and how often they were called.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

struct io {
  long rchar, wchar, syscr, syscw, own;
};

static struct io now(void) {
  struct io io;
  char text[512];
  int fd = open("/proc/self/io", O_RDONLY);
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n < 0 ? 0 : n] = 0, io.own = n;
  sscanf(text, "rchar: %ld\nwchar: %ld\nsyscr: %ld\nsyscw: %ld", &io.rchar, &io.wchar, &io.syscr, &io.syscw);
  return io;
}

static struct io last;

static void note(void) { last = now(); }

// Reading the file counts, too, once it is over: what `last` cost is taken off.
static void show(const char *what) {
  struct io io = now();
  printf("%s: %ld %ld, %ld %ld\n", what, io.rchar - last.rchar - last.own, io.wchar - last.wchar,
         io.syscr - last.syscr - 1, io.syscw - last.syscw);
}

int main(void) {
  char bytes[1000];
  memset(bytes, 'x', sizeof bytes);
  int fd = open("file", O_CREAT | O_RDWR, 0600), p[2];
  note();
  write(fd, bytes, 700), show("write");
  note();
  pwrite(fd, bytes, 300, 5), pread(fd, bytes, 100, 3), show("pwrite pread");
  note();
  struct iovec v[2] = {{bytes, 10}, {bytes + 10, 20}};
  lseek(fd, 0, SEEK_SET), readv(fd, v, 2), writev(fd, v, 2), show("readv writev");
  note();
  lseek(fd, 0, SEEK_END), read(fd, bytes, 10), read(-1, bytes, 10), write(-1, bytes, 10), show("end and errors");
  note();
  pipe(p), write(p[1], bytes, 50), read(p[0], bytes, 1000), show("pipe");
  note();
  int out = open("copy", O_CREAT | O_WRONLY, 0600);
  off_t from = 0;
  sendfile(out, fd, &from, 200), show("sendfile");
}
