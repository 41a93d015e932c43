/* System calls with arguments that are not the guest's to give, and memory that changes under them. */
#include "attacks.h"

/* Not these: they would wait, or end what the test needs (kill family with pid 0 or -1, reboot). */
static int is_left_out(long number) {
  switch (number) {
    case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo: case SYS_pause:
    case SYS_reboot: case SYS_fork: case SYS_vfork: case SYS_clone: case SYS_exit: case SYS_exit_group:
    case SYS_rt_tgsigqueueinfo: case SYS_rt_sigsuspend: case SYS_rt_sigreturn: case SYS_clone3:
      return 1;
  }
  return 0;
}
static u64 argument(void) {
  switch (rnd() % 6) {
    case 0: return rnd() % 8;
    case 1: return (u64)own + rnd() % OWN_BYTES;
    case 2: return rnd() % 65536;
    default: return WILD[rnd() % WILD_COUNT] + rnd() % 16;
  }
}
/* What they write goes nowhere, what they read ends. */
static void detach(void) {
  int null = open("/dev/null", O_RDWR);
  for (int n = 0; n < 3; n++) dup2(null, n);
  alarm(1);
}
static void random_calls(u64 n) {
  detach();
  seed += n * 0x9e3779b97f4a7c15ull;
  for (u32 i = 0; i < 64; i++) rnd();
  for (u32 i = 0; i < 2000; i++) {
    long number = (long)(rnd() % 460);
    if (is_left_out(number)) continue;
    syscall(number, argument(), argument(), argument(), argument(), argument(), argument());
  }
}
static void every_call(u64 p) {
  detach();
  for (long number = 0; number < 460; number++)
    if (!is_left_out(number)) syscall(number, p, p, p, p, p, p);
}
/* Lengths that wrap around, from a good pointer. */
static void long_length(u64 length) {
  static const long CALLS[] = { SYS_write, SYS_getrandom, SYS_readlink, SYS_mprotect, SYS_munmap, SYS_msync, SYS_madvise };
  int pipe_ends[2];
  if (pipe(pipe_ends)) _exit(1);
  fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK);
  syscall(SYS_write, pipe_ends[1], own, length);
  syscall(SYS_getrandom, own + OWN_BYTES - 16, length, 0);
  syscall(SYS_getcwd, own, length);
  for (u32 n = 3; n < 7; n++) syscall(CALLS[n], (u64)own & ~0xfffull, length, 0);
  syscall(SYS_mmap, 0, length, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  syscall(SYS_mremap, own, OWN_BYTES, length, 1, 0);
}
static void map_at(u64 p) {
  void *got = mmap((void *)(p & ~0xfffull), 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (got != MAP_FAILED) memset(got, 0xee, 8192);
  munmap((void *)(p & ~0xfffull), 1ull << 40);
  mprotect((void *)(p & ~0xfffull), 1ull << 32, 7);
}
/* A memfd cut short under a mapping that the kernel then reads and writes. */
static void truncated(u64 how) {
  int fd = memfd_create("x", 0), null = open("/dev/null", O_WRONLY), pipe_ends[2];
  if (fd < 0 || ftruncate(fd, 65536) || pipe(pipe_ends)) _exit(1);
  u8 *map = mmap(0, 65536, 3, how & 1 ? MAP_SHARED : MAP_PRIVATE, fd, 0);
  map[0] = 1;
  if (how & 2) memset(map, 1, 65536);
  if (ftruncate(fd, 4096)) _exit(2);
  long a = write(pipe_ends[1], map + 8192, 16), b = errno;
  long c = syscall(SYS_getrandom, map + 12288, 16, 0), d = errno;
  write(null, map + 4096, 4096);
  syscall(SYS_openat, -100, map + 16384, 0);
  (void)a, (void)b, (void)c, (void)d;
  if (how & 4) _exit(map[20480]);
  _exit(3);
}
/* Another thread of control changes the map between: here a child with shared memory. */
static void shared_unmapped(u64 unused) {
  (void)unused;
  u8 *map = mmap(0, 65536, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = fork();
  if (pid == 0) {
    for (int n = 0; n < 100; n++) {
      munmap(map, 65536);
      mmap(map, 65536, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      mprotect(map, 4096, n & 1 ? 0 : 3);
    }
    _exit(0);
  }
  for (int n = 0; n < 100; n++) map[n * 600] = (u8)n, write(-1, map, 65536);
  waitpid(pid, 0, 0);
  _exit(3);
}

int main(void) {
  own_fill();
  at_wild("every_call", every_call);
  at_wild("long_length", long_length);
  at_wild("map_at", map_at);
  for (u64 n = 0; n < 20; n++) attempt(random_calls, n);
  neighbour("random calls");
  for (u64 how = 0; how < 8; how++) printf("truncated %u: %x\n", (u32)how, attempt(truncated, how));
  printf("shared and unmapped: %x\n", attempt(shared_unmapped, 0));
  neighbour("memory under the kernel");
  return 0;
}
