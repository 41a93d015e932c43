// flags: -pthread
// One thread runs code that another changes under it.
#include "check.h"
#include <pthread.h>
static unsigned char *p;
static volatile int done;

static void *patcher(void *unused) {
  for (int i = 0; i < 3; i++) { struct timespec t = {0, 20000000}; nanosleep(&t, 0); }
  /* jmp back → nop nop: ends the loop that the other is in. */
  *(volatile unsigned short *)(p + 2) = 0x9090;
  done = 1;
  return 0;
}

int main(void) {
  for (int way = 0; way < 3; way++) {
    p = mmap(0, 4096, 7, (way == 2 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    /* inc ecx … jmp $-4; mov eax, 77; ret. */
    memcpy(p, "\xff\xc1\xeb\xfc\xb8\x4d\x00\x00\x00\xc3", 10);
    /* On a page that is written often when `way` is 1. */
    if (way == 1)
      for (int i = 0; i < 6; i++) {
        memcpy(p + 64, "\xb8\x00\x00\x00\x00\xc3", 6);
        p[65] = i;
        T(((int (*)(void))(p + 64))());
      }
    done = 0;
    pthread_t t;
    pthread_create(&t, 0, patcher, 0);
    T(((int (*)(void))p)());
    pthread_join(t, 0);
    T(done);
  }
  return 0;
}
