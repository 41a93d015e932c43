// `stress MODE COUNT`: limits and interleavings of the kernel. Prints one line that is the same natively.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT = 0, WAKE = 1, PRIVATE = 128, WORKERS = 8 };
static void must(int ok, const char *what) {
  if (!ok) perror(what), exit(1);
}

// COUNT children live at once; each answers the number that it was given.
static void processes(long count) {
  int down[2], up[2];
  must(pipe(down) == 0 && pipe(up) == 0, "pipe");
  for (long i = 0; i < count; i++) {
    const pid_t p = fork();
    must(p >= 0, "fork");
    if (p > 0) continue;
    close(down[1]);
    uint32_t token;
    if (read(down[0], &token, sizeof token) != sizeof token) _exit(1);
    if (write(up[1], &token, sizeof token) != sizeof token) _exit(2);
    _exit(0);
  }
  for (uint32_t i = 0; i < count; i++) must(write(down[1], &i, sizeof i) == sizeof i, "write");
  uint64_t sum = 0;
  for (long i = 0; i < count; i++) {
    uint32_t token;
    must(read(up[0], &token, sizeof token) == sizeof token, "read");
    sum += token;
  }
  long good = 0;
  for (int status; wait(&status) > 0;) good += status == 0;
  printf("%ld processes, sum %llu, %ld ended well\n", count, (unsigned long long)sum, good);
}

// A mutex of one futex word (Drepper, "Futexes are tricky", mutex2), and a counter that it guards.
static _Atomic int word;
static volatile uint64_t counter, inside, overlaps;
static long each;
static void lock(void) {
  int c = 0;
  if (__atomic_compare_exchange_n((int *)&word, &c, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
  if (c != 2) c = __atomic_exchange_n((int *)&word, 2, __ATOMIC_ACQUIRE);
  while (c != 0) {
    syscall(SYS_futex, &word, WAIT | PRIVATE, 2, 0, 0, 0);
    c = __atomic_exchange_n((int *)&word, 2, __ATOMIC_ACQUIRE);
  }
}
static void unlock(void) {
  if (__atomic_fetch_sub((int *)&word, 1, __ATOMIC_RELEASE) == 1) return;
  __atomic_store_n((int *)&word, 0, __ATOMIC_RELEASE);
  syscall(SYS_futex, &word, WAKE | PRIVATE, 1, 0, 0, 0);
}
static void *worker(void *unused) {
  for (long i = 0; i < each; i++) {
    lock();
    if (inside++ != 0) overlaps++;
    const uint64_t seen = counter;
    if ((i & 63) == 0) sched_yield();
    counter = seen + 1;
    inside--;
    unlock();
  }
  return unused;
}
static void futexes(long operations) {
  pthread_t threads[WORKERS];
  each = operations / WORKERS;
  for (int i = 0; i < WORKERS; i++) must(pthread_create(&threads[i], 0, worker, 0) == 0, "thread");
  for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], 0);
  printf("counted %llu of %ld, %llu overlaps, word %d\n", (unsigned long long)counter,
         each * WORKERS, (unsigned long long)overlaps, (int)word);
}

static pthread_barrier_t barrier;
static void *meet(void *arg) {
  pthread_barrier_wait(&barrier);
  __atomic_fetch_add((uint64_t *)&counter, (uintptr_t)arg, __ATOMIC_RELAXED);
  return arg;
}
static void threads(long count) {
  pthread_t *all = calloc(count, sizeof *all);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  pthread_barrier_init(&barrier, 0, count);
  for (uintptr_t i = 0; i < (uintptr_t)count; i++)
    must(pthread_create(&all[i], &small, meet, (void *)i) == 0, "thread");
  for (long i = 0; i < count; i++) pthread_join(all[i], 0);
  printf("%ld threads, sum %llu\n", count, (unsigned long long)counter);
}

// Forks until the kernel refuses; every process then ends, and forks work again.
static void bomb(long limit) {
  long made = 0;
  int gate[2];
  must(pipe(gate) == 0, "pipe");
  for (; made < limit; made++) {
    const pid_t p = fork();
    if (p < 0) break;
    if (p > 0) continue;
    close(gate[1]);
    char c;
    _exit(read(gate[0], &c, 1) == 0 ? 0 : 1);
  }
  const int why = made < limit ? errno : 0;
  close(gate[1]);
  long good = 0;
  for (int status; wait(&status) > 0;) good += status == 0;
  const pid_t again = fork();
  if (again == 0) _exit(0);
  must(again > 0 && waitpid(again, 0, 0) == again, "fork after the bomb");
  fprintf(stderr, "made %ld, then %s\n", made, strerror(why));
  printf("all ended well: %s; refused as it should: %s\n", good == made ? "yes" : "no",
         why == 0 || why == EAGAIN || why == ENOMEM ? "yes" : "no");
}

int main(int argc, char **argv) {
  must(argc == 3, "stress MODE COUNT");
  const long count = atol(argv[2]);
  if (strcmp(argv[1], "processes") == 0) processes(count);
  else if (strcmp(argv[1], "futexes") == 0) futexes(count);
  else if (strcmp(argv[1], "threads") == 0) threads(count);
  else if (strcmp(argv[1], "bomb") == 0) bomb(count);
  else return 2;
  return 0;
}
