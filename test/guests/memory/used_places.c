// Processes of one program, one after the other, each of which leaves all it can change: none finds anything.
#include "check.h"
#include <sys/wait.h>

#define PLACE ((unsigned char *)0x30000000)
#define PAGE 4096ul
static unsigned char zeros[64 * 1024];
static unsigned char data[8192] = {1, 2, 3};
static const unsigned char constants[3 * 4096] = {7, 8, 9};
static unsigned long code(unsigned long x) { return x * 3 + 1; }

/* Nothing that can be read there. */
static int is_closed(const void *at) {
  int ends[2];
  if (pipe(ends)) return -1;
  int closed = write(ends[1], at, 1) < 0 && errno == EFAULT;
  close(ends[0]);
  close(ends[1]);
  return closed;
}

static unsigned long wrongs(void) {
  unsigned long wrong = 0;
  for (size_t n = 0; n < sizeof zeros; n++) wrong += zeros[n] != 0;
  for (size_t n = 0; n < sizeof data; n++) wrong += data[n] != (n < 3 ? n + 1 : 0);
  for (size_t n = 0; n < sizeof constants; n++) wrong += constants[n] != (n < 3 ? n + 7 : 0);
  volatile unsigned char stack[16384];
  unsigned char *heap = sbrk(65536);
  for (size_t n = 0; n < 65536; n++) wrong += heap[n] != 0;
  for (int n = 0; n < 5; n++) wrong += !is_closed(PLACE + n * PAGE);
  stack[0] = 0;
  return wrong + (code(2) != 7) + (stack[0] != 0);
}

static void *page_of(const void *at) { return (void *)((unsigned long)at & ~(PAGE - 1)); }

/* Changes what it may, and what it may not after asking. */
static void spoil(int how) {
  memset(zeros, 0xee, sizeof zeros);
  memset(data, 0xee, sizeof data);
  memset(sbrk(65536), 0xee, 65536);
  void *middle = (char *)page_of(constants) + PAGE;
  if (mprotect(middle, PAGE, 3)) _exit(90);
  memset(middle, 0xee, PAGE);
  if (how == 1 && mprotect(middle, PAGE, 1)) _exit(91);
  if (how == 2 && mremap(middle, PAGE, PAGE, 3, PLACE + 3 * PAGE) == MAP_FAILED) _exit(92);
  if (how == 3 && munmap(middle, PAGE)) _exit(93);
  void *text = page_of((void *)code);
  if (mprotect(text, 2 * PAGE, 7)) _exit(94);
  *(unsigned char *)code = 0xcc;
  int fd = open("/proc/self/exe", O_RDONLY);
  mmap(PLACE, PAGE, 1, MAP_PRIVATE | MAP_FIXED, fd, 0);
  mmap(PLACE + PAGE, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  memset(PLACE + PAGE, 0xee, PAGE);
  mmap(PLACE + 2 * PAGE, PAGE, 1, MAP_SHARED | MAP_FIXED, fd, 0);
}

static int run(char *const argv[]) {
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) {
    execv("/proc/self/exe", argv);
    _exit(99);
  }
  return waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int count, char **words) {
  if (count == 2) {
    if (wrongs()) return 1;
    spoil(words[1][0] - '0');
    return 0;
  }
  unsigned long bad = 0;
  for (int round = 0; round < 2; round++) {
    for (int n = 0; n < 12; n++) bad += run((char *[]){words[0], (char[]){'0' + n % 4, 0}, 0}) != 0;
    // Children that never were another program: their parent's pages, whatever the last one did with its own.
    for (int n = 0; n < 12; n++) {
      pid_t pid = fork();
      int status = -1;
      if (pid == 0) {
        if (wrongs()) _exit(1);
        spoil(n % 4);
        _exit(0);
      }
      bad += waitpid(pid, &status, 0) != pid || status != 0;
    }
    // A file that was left alone for two seconds is known by its times.
    if (round == 0) usleep(2200000);
  }
  T(bad);
  T(wrongs());
  return 0;
}
