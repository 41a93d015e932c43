/*
 * Threads that compute while others change what they run on: each part counts what it did, and says
 * so only when every count is exact. `parallel PART [ROUNDS]`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define CHECK(what) do { if (!(what)) { printf("%s:%d: %s\n", __func__, __LINE__, #what); fflush(stdout); _exit(1); } } while (0)

static long rounds;
static atomic_int stop;

static uint64_t mix(uint64_t h) { return (h ^ (h >> 31)) * 0x9e3779b97f4a7c15ull + 1; }

/* Computes for about `n` steps; the result is known. */
static uint64_t compute(uint64_t seed, long n) { for (long i = 0; i < n; i++) seed = mix(seed); return seed; }

static void start(pthread_t *t, int n, void *(*f)(void *)) {
  for (long i = 0; i < n; i++) CHECK(pthread_create(&t[i], 0, f, (void *)i) == 0);
}
static void join(pthread_t *t, int n) { for (int i = 0; i < n; i++) CHECK(pthread_join(t[i], 0) == 0); }

/* A lock, atomics, and a word that only the lock protects. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long plain, spins; static atomic_long counted; static atomic_flag flag = ATOMIC_FLAG_INIT;
static void *locks(void *p) {
  for (long i = 0; i < rounds; i++) {
    pthread_mutex_lock(&lock); plain++; pthread_mutex_unlock(&lock);
    atomic_fetch_add(&counted, 1);
    if (i % 16 == 0) { while (atomic_flag_test_and_set(&flag)) sched_yield(); spins++; atomic_flag_clear(&flag); }
    if (i % 64 == (long)p) compute(i, 500);
  }
  return 0;
}
static void part_locks(void) {
  pthread_t t[THREADS]; start(t, THREADS, locks); join(t, THREADS);
  CHECK(plain == THREADS * rounds); CHECK(counted == plain); CHECK(spins == THREADS * ((rounds + 15) / 16));
}

/* Raw futexes: 0 free, 1 taken, 2 taken and waited for (Drepper, "Futexes are tricky", mutex 2). */
static atomic_int word; static long inside;
static long futex(atomic_int *at, int op, int value) { return syscall(SYS_futex, at, op, value, 0, 0, 0); }
static void *futexes(void *p) {
  (void)p;
  for (long i = 0; i < rounds; i++) {
    int c = 0;
    if (!atomic_compare_exchange_strong(&word, &c, 1)) {
      if (c != 2) c = atomic_exchange(&word, 2);
      while (c != 0) { futex(&word, FUTEX_WAIT_PRIVATE, 2); c = atomic_exchange(&word, 2); }
    }
    long seen = ++inside; compute(i, i % 50); CHECK(inside == seen);
    if (atomic_fetch_sub(&word, 1) != 1) { atomic_store(&word, 0); futex(&word, FUTEX_WAKE_PRIVATE, 1); }
  }
  return 0;
}
static void part_futexes(void) {
  pthread_t t[THREADS]; start(t, THREADS, futexes); join(t, THREADS); CHECK(inside == THREADS * rounds); CHECK(word == 0);
}

/* Pages come and go, open and close, beside threads that use others. */
static void *uses(void *p) {
  uint64_t *own = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); CHECK(own != MAP_FAILED);
  uint64_t n = 0;
  while (!stop) {
    for (int i = 0; i < 1 << 17; i += 64) own[i] = mix(n + i);
    for (int i = 0; i < 1 << 17; i += 64) CHECK(own[i] == mix(n + i));
    n++;
    if (n % 32 == (uint64_t)(long)p) CHECK(madvise(own, 1 << 20, MADV_DONTNEED) == 0 && own[0] == 0);
  }
  CHECK(munmap(own, 1 << 20) == 0);
  return 0;
}
static void part_mappings(void) {
  pthread_t t[3]; start(t, 3, uses);
  for (long i = 0; i < rounds; i++) {
    size_t size = 4096 * (1 + i % 40);
    char *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); CHECK(at != MAP_FAILED);
    memset(at, (int)i, size);
    CHECK(mprotect(at, size, PROT_READ) == 0 && at[size - 1] == (char)i);
    char *more = mremap(at, size, size + 8192, MREMAP_MAYMOVE); CHECK(more != MAP_FAILED && more[0] == (char)i);
    CHECK(munmap(more, size + 8192) == 0);
  }
  stop = 1; join(t, 3);
}

/* The same pages open and close: the handler opens them, and each store happens once. */
static uint32_t *guarded; static atomic_long opened;
static void opens(int sig, siginfo_t *info, void *context) {
  (void)sig; (void)context;
  CHECK((char *)info->si_addr >= (char *)guarded && (char *)info->si_addr < (char *)guarded + 8 * 4096);
  atomic_fetch_add(&opened, 1);
  CHECK(mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE) == 0);
}
static void *stores(void *p) {
  for (long i = 0; i < rounds; i++) {
    uint32_t *at = guarded + 1024 * (i % 8) + (long)p;
    uint32_t before = *at; *at = before + 1; CHECK(*at == before + 1);
    compute(i, 200);
  }
  return 0;
}
static void part_faults(void) {
  struct sigaction a = { .sa_sigaction = opens, .sa_flags = SA_SIGINFO | SA_NODEFER }; sigaction(SIGSEGV, &a, 0);
  guarded = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_t t[THREADS]; start(t, THREADS, stores);
  for (long i = 0; i < rounds / 4; i++) { CHECK(mprotect(guarded + 1024 * (i % 8), 4096, PROT_READ) == 0); compute(i, 3000); }
  join(t, THREADS);
  uint64_t sum = 0; for (int i = 0; i < 8 * 1024; i++) sum += guarded[i];
  CHECK(sum == (uint64_t)THREADS * rounds);
}

/* Signals reach threads that never call the kernel, and leave their registers alone. */
static atomic_long handled[THREADS]; static __thread long self; static atomic_int ready;
static void counts(int sig) { (void)sig; handled[self]++; volatile double x = 1.0 / 3; x = x * x; }
static void *loops(void *p) {
  self = (long)p; uint64_t h = 0; double d = 0; __m128d v = _mm_set_pd(1, 2); ready++;
  for (long n = 0; !stop; n++) {
    uint64_t before = h; h = compute(h, 1000); CHECK(h == compute(before, 1000));
    d += 0.5; v = _mm_add_pd(v, _mm_set_pd(2, 1));
    CHECK(d == 0.5 * (n + 1)); CHECK(_mm_cvtsd_f64(v) == 2 + (double)(n + 1));
  }
  return 0;
}
static void part_signals(void) {
  struct sigaction a = { .sa_handler = counts, .sa_flags = SA_RESTART }; sigaction(SIGUSR1, &a, 0);
  pthread_t t[THREADS]; start(t, THREADS, loops); while (ready < THREADS) sched_yield();
  for (long i = 0; i < rounds; i++)
    for (int n = 0; n < THREADS; n++) { long before = handled[n]; CHECK(pthread_kill(t[n], SIGUSR1) == 0); while (handled[n] == before) sched_yield(); CHECK(handled[n] == before + 1); }
  stop = 1; join(t, THREADS);
}

/* fork and wait while others compute and write: the child sees one state of all. */
static struct { uint64_t a, b; } pair[THREADS];
static void *writes(void *p) { long n = (long)p; while (!stop) { pair[n].a++; atomic_signal_fence(memory_order_seq_cst); pair[n].b++; compute(n, 20); } return 0; }
static void part_forks(void) {
  pthread_t t[3]; start(t, 3, writes);
  for (long i = 0; i < rounds; i++) {
    pid_t child = fork(); CHECK(child >= 0);
    if (child == 0) {
      for (int n = 0; n < 3; n++) if (pair[n].a - pair[n].b > 1) _exit(1);
      uint64_t was = pair[0].a; compute(1, 2000); _exit(was == pair[0].a ? 42 : 2);
    }
    int status; CHECK(waitpid(child, &status, 0) == child); CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  }
  stop = 1; join(t, 3);
}

/* Threads begin and end; each has variables of its own. */
static __thread uint64_t mine;
static void *lives(void *p) { mine = (uint64_t)(long)p; uint64_t h = compute(mine, 20000); CHECK(mine == (uint64_t)(long)p); return (void *)(long)(h == compute((uint64_t)(long)p, 20000)); }
static void part_lives(void) {
  for (long i = 0; i < rounds; i++) {
    pthread_t t[8]; for (long n = 0; n < 8; n++) CHECK(pthread_create(&t[n], 0, lives, (void *)(n + 8 * i)) == 0);
    for (int n = 0; n < 8; n++) { void *good; CHECK(pthread_join(t[n], &good) == 0 && good); }
  }
}

/* Time never goes back, whoever reads it. */
static _Atomic int64_t latest;
static int64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ll + t.tv_nsec; }
static void *reads_time(void *p) { (void)p; int64_t own = 0; for (long i = 0; i < rounds * 20; i++) { int64_t t = now(); CHECK(t >= own); own = t; } atomic_store(&latest, own); return 0; }
static void part_time(void) { pthread_t t[THREADS]; start(t, THREADS, reads_time); join(t, THREADS); CHECK(now() >= latest); }

/* Conditions and semaphores hand a token around a ring. */
static sem_t ring[THREADS]; static long passed;
static void *passes(void *p) { long n = (long)p; for (long i = 0; i < rounds; i++) { CHECK(sem_wait(&ring[n]) == 0); passed++; compute(i, 300); CHECK(sem_post(&ring[(n + 1) % THREADS]) == 0); } return 0; }
static void part_ring(void) {
  for (int i = 0; i < THREADS; i++) sem_init(&ring[i], 0, i == 0);
  pthread_t t[THREADS]; start(t, THREADS, passes); join(t, THREADS); CHECK(passed == THREADS * rounds);
}
static pthread_barrier_t barrier; static uint64_t share[THREADS];
static void *meets(void *p) {
  long n = (long)p;
  for (long i = 0; i < rounds; i++) {
    share[n] = compute(n + i, 4000); pthread_barrier_wait(&barrier);
    for (int k = 0; k < THREADS; k++) CHECK(share[k] == compute(k + i, 4000));
    pthread_barrier_wait(&barrier);
  }
  return 0;
}
static void part_barrier(void) { pthread_barrier_init(&barrier, 0, THREADS); pthread_t t[THREADS]; start(t, THREADS, meets); join(t, THREADS); }

/* Processes beside each other over shared memory; the robust lock of one that dies goes on. */
static void part_processes(void) {
  struct shared { pthread_mutex_t lock; atomic_long counted; long plain; } *s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t attr; pthread_mutexattr_init(&attr); pthread_mutexattr_setpshared(&attr, 1); pthread_mutexattr_setrobust(&attr, 1); pthread_mutex_init(&s->lock, &attr);
  for (int n = 0; n < THREADS; n++)
    if (fork() == 0) {
      for (long i = 0; i < rounds; i++) {
        compute(i, 300);
        if (pthread_mutex_lock(&s->lock) == EOWNERDEAD) pthread_mutex_consistent(&s->lock);
        s->plain++; atomic_fetch_add(&s->counted, 1);
        if (n == 0 && i == rounds - 1) _exit(0);
        pthread_mutex_unlock(&s->lock);
      }
      _exit(0);
    }
  int status; for (int n = 0; n < THREADS; n++) CHECK(wait(&status) > 0 && status == 0);
  CHECK(s->plain == THREADS * rounds && s->counted == s->plain);
}

/* Code that one thread writes anew is what it runs next, beside others. */
static void *makes(void *p) {
  unsigned char *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); CHECK(code != MAP_FAILED);
  for (int i = 0; i < rounds; i++) {
    unsigned char text[] = { 0xb8, 0, 0, 0, 0, 0xc3 }; int value = i * 4 + (int)(long)p; memcpy(text + 1, &value, 4);
    memcpy(code + 16 * (i % 8), text, sizeof text);
    CHECK(((int (*)(void))(code + 16 * (i % 8)))() == value);
    compute(i, 100);
  }
  return 0;
}
static void part_code(void) { pthread_t t[THREADS]; start(t, THREADS, makes); join(t, THREADS); }

/* Exits and execs while others compute. */
static void *forever(void *p) { for (uint64_t h = (long)p;; h = compute(h, 1000)) if (h == 1) return 0; }
static void part_ends(void) {
  for (long i = 0; i < rounds; i++) {
    pid_t child = fork(); CHECK(child >= 0);
    if (child == 0) {
      pthread_t t[3]; start(t, 3, forever); compute(i, 400000 + 1000 * i);
      if (i % 3 == 0) _exit(7);
      if (i % 3 == 1) { execl("/proc/self/exe", "parallel", "seven", (char *)0); _exit(1); }
      raise(SIGKILL);
    }
    int status; CHECK(waitpid(child, &status, 0) == child);
    CHECK(i % 3 == 2 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
}

/* A timer ticks threads that compute. */
static atomic_long alarms;
static void alarmed(int sig) { (void)sig; alarms++; }
static void *counts_alarms(void *p) { (void)p; while (alarms < rounds / 10 + 1) compute(1, 1000); return 0; }
static void part_timers(void) {
  struct sigaction a = { .sa_handler = alarmed, .sa_flags = SA_RESTART }; sigaction(SIGALRM, &a, 0); sigaction(SIGPROF, &a, 0);
  struct itimerval often = { { 0, 2000 }, { 0, 2000 } }; setitimer(ITIMER_REAL, &often, 0); setitimer(ITIMER_PROF, &often, 0);
  pthread_t t[THREADS]; start(t, THREADS, counts_alarms); join(t, THREADS);
}

/* Locks that lend priority: the kernel and a thread beside change one word. */
static pthread_mutex_t lender; static long lent;
static void *lends(void *p) { for (long i = 0; i < rounds; i++) { CHECK(pthread_mutex_lock(&lender) == 0); long seen = ++lent; compute(i, i % 200); CHECK(lent == seen); CHECK(pthread_mutex_unlock(&lender) == 0); if (i % 8 == (long)p) compute(i, 2000); } return 0; }
static void part_inherit(void) {
  pthread_mutexattr_t attr; pthread_mutexattr_init(&attr); CHECK(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0); CHECK(pthread_mutex_init(&lender, &attr) == 0);
  pthread_t t[THREADS]; start(t, THREADS, lends); join(t, THREADS); CHECK(lent == THREADS * rounds);
}

/* Nothing but computing. */
static void *computes(void *p) { CHECK(compute((uint64_t)(long)p, rounds * 10000) == compute((uint64_t)(long)p, rounds * 10000)); return 0; }
static void part_computes(void) { pthread_t t[THREADS]; start(t, THREADS, computes); join(t, THREADS); }

static const struct { const char *name; void (*part)(void); } parts[] = {
  { "locks", part_locks }, { "futexes", part_futexes }, { "mappings", part_mappings }, { "faults", part_faults }, { "signals", part_signals },
  { "forks", part_forks }, { "lives", part_lives }, { "time", part_time }, { "ring", part_ring }, { "barrier", part_barrier },
  { "processes", part_processes }, { "code", part_code }, { "ends", part_ends }, { "timers", part_timers }, { "computes", part_computes }, { "inherit", part_inherit },
};

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "seven") == 0) return 7;
  rounds = argc > 2 ? atol(argv[2]) : 100;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (argc > 1 && strcmp(argv[1], parts[i].name) == 0) { parts[i].part(); printf("%s: exact\n", parts[i].name); return 0; }
  return 2;
}
