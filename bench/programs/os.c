// Operating-system rows: `os ROW COUNT [ARGUMENT]` prints a checksum and the seconds of one
// operation. Each row warms up with an eighth of its operations before the clock starts.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// <linux/futex.h>, which musl does not bring.
enum { FUTEX_WAIT_PRIVATE_OP = 128, FUTEX_WAKE_PRIVATE_OP = 129 };

extern char **environ;
static const char *argument = "";
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static void die(const char *what) { perror(what); exit(1); }
static void must(int ok, const char *what) { if (!ok) die(what); }

// ---- calls that neither wait nor wake

static uint64_t row_getppid(long n) {
  uint64_t h = 0;
  while (n--) h += syscall(SYS_getppid) > 0;
  return h;
}
static uint64_t row_lseek(long n) {
  static int fd = -1;
  if (fd < 0) must((fd = open(argument, O_RDONLY)) >= 0, "open");
  uint64_t h = 0;
  while (n--) h += lseek(fd, n & 7, SEEK_SET);
  return h;
}
static uint64_t row_zero(long n) {
  static int fd = -1;
  if (fd < 0) must((fd = open("/dev/zero", O_RDONLY)) >= 0, "open");
  uint64_t h = 0;
  char c;
  while (n--) h += read(fd, &c, 1);
  return h;
}
static uint64_t row_clock(long n) {
  struct timespec t;
  uint64_t h = 0;
  while (n--) h += clock_gettime(CLOCK_MONOTONIC, &t) == 0;
  return h;
}
static uint64_t row_stat(long n) {
  struct stat s;
  uint64_t h = 0;
  while (n--) {
    must(stat(argument, &s) == 0, "stat");
    h += s.st_nlink;
  }
  return h;
}
static uint64_t row_open(long n) {
  uint64_t h = 0;
  while (n--) {
    int fd = open(argument, O_RDONLY);
    must(fd >= 0, "open");
    h += fd > 2;
    close(fd);
  }
  return h;
}
static uint64_t row_readdir(long n) {
  uint64_t h = 0;
  while (n--) {
    DIR *d = opendir(argument);
    must(d != 0, "opendir");
    struct dirent *e;
    while ((e = readdir(d))) h += strlen(e->d_name);
    closedir(d);
  }
  return h;
}
static uint64_t row_mmap(long n) {
  uint64_t h = 0;
  while (n--) {
    volatile char *m = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(m != MAP_FAILED, "mmap");
    for (int i = 0; i < 16; i++) m[i * 4096] = i;
    h += m[4096 * 15];
    munmap((void *)m, 65536);
  }
  return h;
}
static volatile uint64_t signals;
static void on_signal(int s) { signals += s; }
static uint64_t row_signal(long n) {
  struct sigaction a = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &a, 0);
  pid_t p = getpid();
  signals = 0;
  while (n--) kill(p, SIGUSR1);
  return signals;
}

// ---- hand-overs

// A byte to a forked echo and back, over two descriptors each.
static uint64_t ping_pong(long n, int to, int from, int echo_from, int echo_to) {
  char c = 0;
  pid_t p = fork();
  must(p >= 0, "fork");
  if (p == 0) {
    while (read(echo_from, &c, 1) == 1 && c != 'q') {
      c++;
      if (write(echo_to, &c, 1) != 1) _exit(1);
    }
    _exit(0);
  }
  uint64_t h = 0;
  for (long i = 0; i < n; i++) {
    c = i & 63;
    must(write(to, &c, 1) == 1 && read(from, &c, 1) == 1, "ping");
    h += c;
  }
  c = 'q';
  must(write(to, &c, 1) == 1, "quit");
  waitpid(p, 0, 0);
  return h;
}
static uint64_t row_pipe(long n) {
  int a[2], b[2];
  must(pipe(a) == 0 && pipe(b) == 0, "pipe");
  uint64_t h = ping_pong(n, a[1], b[0], a[0], b[1]);
  for (int i = 0; i < 2; i++) close(a[i]), close(b[i]);
  return h;
}
// The same between two threads: no other address space is entered.
static int echo_ends[2];
static void *echo_bytes(void *unused) {
  char c;
  while (read(echo_ends[0], &c, 1) == 1 && c != 'q') {
    c++;
    must(write(echo_ends[1], &c, 1) == 1, "pong");
  }
  return unused;
}
static uint64_t row_threads(long n) {
  int a[2], b[2];
  pthread_t echo;
  must(pipe(a) == 0 && pipe(b) == 0, "pipe");
  echo_ends[0] = a[0], echo_ends[1] = b[1];
  pthread_create(&echo, 0, echo_bytes, 0);
  uint64_t h = 0;
  char c;
  for (long i = 0; i < n; i++) {
    c = i & 63;
    must(write(a[1], &c, 1) == 1 && read(b[0], &c, 1) == 1, "ping");
    h += c;
  }
  must(write(a[1], "q", 1) == 1, "quit");
  pthread_join(echo, 0);
  for (int i = 0; i < 2; i++) close(a[i]), close(b[i]);
  return h;
}
static uint64_t row_socketpair(long n) {
  int s[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
  uint64_t h = ping_pong(n, s[0], s[0], s[1], s[1]);
  close(s[0]), close(s[1]);
  return h;
}
// One operation: 64 KiB through a pipe.
static uint64_t row_pipebw(long n) {
  static char buffer[65536];
  int a[2];
  must(pipe(a) == 0, "pipe");
  pid_t p = fork();
  if (p == 0) {
    close(a[0]);
    for (long i = 0; i < n; i++)
      for (long at = 0, w; at < 65536; at += w)
        if ((w = write(a[1], buffer + at, 65536 - at)) < 1) _exit(1);
    _exit(0);
  }
  close(a[1]);
  uint64_t h = 0;
  for (long r; (r = read(a[0], buffer, sizeof buffer)) > 0;) h += r;
  close(a[0]);
  waitpid(p, 0, 0);
  return h;
}
static int turn;
static long each;
static void *token(void *me) {
  const int mine = (int)(long)me;
  for (long i = 0; i < each; i++) {
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != mine)
      syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE_OP, !mine, 0, 0, 0);
    __atomic_store_n(&turn, !mine, __ATOMIC_RELEASE);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE_OP, 1, 0, 0, 0);
  }
  return 0;
}
static uint64_t row_futex(long n) {
  pthread_t t[2];
  each = n;
  turn = 0;
  for (long i = 0; i < 2; i++) pthread_create(&t[i], 0, token, (void *)i);
  for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
  return n;
}

// ---- processes

// EMU, if set, stands in front: for emulators whose execve runs natively.
static uint64_t spawn_each(long n, char *const arguments[]) {
  char *emulator = getenv("EMU");
  char *words[8];
  int count = 0;
  if (emulator) words[count++] = emulator;
  for (int i = 0; arguments[i]; i++) words[count++] = arguments[i];
  words[count] = 0;
  uint64_t h = 0;
  while (n--) {
    pid_t p;
    must(posix_spawn(&p, words[0], 0, 0, words, environ) == 0, "posix_spawn");
    int status = -1;
    must(waitpid(p, &status, 0) == p, "waitpid");
    h += status == 0;
  }
  return h;
}
static uint64_t row_spawn(long n) { return spawn_each(n, (char *[]){(char *)argument, 0}); }
static uint64_t row_busybox(long n) {
  return spawn_each(n, (char *[]){(char *)argument, "true", 0});
}
static uint64_t fork_each(long n, long touched, int rewrite) {
  static volatile char *memory;
  static long size;
  if (size != touched) {
    memory = mmap(0, touched, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(memory != MAP_FAILED, "mmap");
    size = touched;
    for (long i = 0; i < touched; i += 64) memory[i] = 1;
  }
  uint64_t h = 0;
  for (long i = 0; i < n; i++) {
    if (rewrite) for (long at = 0; at < touched; at += 4096) memory[at] = (char)i;
    pid_t p = fork();
    must(p >= 0, "fork");
    if (p == 0) {
      memory[i % (touched / 4096) * 4096] = 2;
      _exit(7);
    }
    int status = 0;
    waitpid(p, &status, 0);
    h += WEXITSTATUS(status);
  }
  return h;
}
static uint64_t row_fork1(long n) { return fork_each(n, 1 << 20, 0); }
static uint64_t row_fork64(long n) { return fork_each(n, 64 << 20, 0); }
static uint64_t row_forkwrite(long n) { return fork_each(n, 1 << 20, 1); }

// ---- latency

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
// p99 of an echo server's answer while eight processes spin; the client pauses between requests.
static double echo_latency(long n) {
  int s[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
  pid_t children[9];
  for (int i = 0; i < 8; i++)
    if ((children[i] = fork()) == 0) for (volatile long k = 0;; k++) continue;
  char c = 0;
  if ((children[8] = fork()) == 0)
    while (read(s[1], &c, 1) == 1 && write(s[1], &c, 1) == 1) continue;
  double *took = malloc(n * sizeof *took);
  for (long i = 0; i < n; i++) {
    usleep(2000);
    double start = now();
    must(write(s[0], &c, 1) == 1 && read(s[0], &c, 1) == 1, "echo");
    took[i] = now() - start;
  }
  for (int i = 0; i < 9; i++) kill(children[i], SIGKILL), waitpid(children[i], 0, 0);
  qsort(took, n, sizeof *took, by_value);
  return took[n * 99 / 100];
}

static const struct { const char *name; uint64_t (*run)(long); } ROWS[] = {
  {"getppid", row_getppid}, {"lseek", row_lseek}, {"zero", row_zero}, {"clock", row_clock},
  {"stat", row_stat}, {"open", row_open}, {"readdir", row_readdir}, {"mmap", row_mmap},
  {"signal", row_signal}, {"pipe", row_pipe}, {"threads", row_threads}, {"socketpair", row_socketpair},
  {"pipebw", row_pipebw}, {"futex", row_futex}, {"spawn", row_spawn}, {"busybox", row_busybox},
  {"fork1", row_fork1}, {"fork64", row_fork64}, {"forkwrite", row_forkwrite},
};

int main(int count, char **words) {
  must(count >= 3, "os ROW COUNT [ARGUMENT]");
  const long n = atol(words[2]);
  if (count > 3) argument = words[3];
  if (strcmp(words[1], "echo") == 0) {
    printf("echo %.9f\n", echo_latency(n));
    return 0;
  }
  for (unsigned i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    if (strcmp(words[1], ROWS[i].name) != 0) continue;
    ROWS[i].run(n / 8 + 1);
    const double start = now();
    const uint64_t sum = ROWS[i].run(n);
    printf("%016llx %.9f\n", (unsigned long long)sum, (now() - start) / n);
    return 0;
  }
  fprintf(stderr, "no row %s\n", words[1]);
  return 2;
}
