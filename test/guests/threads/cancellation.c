/* pthread_cancel: deferred, asynchronous, disabled, in each kind of call; clean-up handlers; exit values. */
// flags: -pthread
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <poll.h>
static volatile int cancelled; static sem_t up; static int pfd[2]; static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static void cleaned(void *a) { printf("  cleaned %s\n", (char *)a); }
#define KIND(name, ...) static void *name(void *a) { pthread_cleanup_push(cleaned, #name); sem_post(&up); __VA_ARGS__; pthread_cleanup_pop(0); return (void *)5; }
KIND(in_read, { char c; read(pfd[0], &c, 1); }) KIND(in_sleep, sleep(10)) KIND(in_poll, poll(0, 0, 10000)) KIND(in_pause, pause()) KIND(in_sem, { sem_t s; sem_init(&s, 0, 0); sem_wait(&s); }) KIND(in_wait, waitpid(-1, 0, 0) < 0 ? pause() : 0) KIND(in_test, for (;;) { pthread_testcancel(); usleep(100); }) KIND(in_nanosleep, { struct timespec t = {10, 0}; nanosleep(&t, 0); }) KIND(in_sigwait, { sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); int g; sigwait(&s, &g); pause(); })
KIND(async_loop, { int o; pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &o); for (volatile long k = 0;; k++); })
static void unlock(void *a) { pthread_mutex_unlock(&m); printf("  unlocked\n"); } static void *in_cond(void *a) { pthread_mutex_lock(&m); pthread_cleanup_push(unlock, 0); sem_post(&up); for (;;) pthread_cond_wait(&cv, &m); pthread_cleanup_pop(0); return 0; }
static void *in_join(void *a) { pthread_t t; pthread_create(&t, 0, in_pause, 0); pthread_cleanup_push(cleaned, "in_join"); pthread_join(t, 0); pthread_cleanup_pop(0); return 0; }
static void *disabled(void *a) { int o; pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &o); sem_post(&up); while (!cancelled) usleep(300); printf("  still here\n"); pthread_setcancelstate(o, 0); pthread_testcancel(); printf("  not reached\n"); return 0; }
static void *nested(void *a) { pthread_cleanup_push(cleaned, "one"); pthread_cleanup_push(cleaned, "two"); pthread_cleanup_push(cleaned, "three"); pthread_cleanup_pop(1); sem_post(&up); pause(); pthread_cleanup_pop(0); pthread_cleanup_pop(0); return 0; }
static pthread_key_t key; static void gone(void *v) { printf("  key %ld\n", (long)v); if ((long)v > 1) pthread_setspecific(key, (void *)((long)v - 1)); } static void *with_key(void *a) { pthread_setspecific(key, (void *)3); sem_post(&up); pause(); return 0; }
static void *exits(void *a) { pthread_cleanup_push(cleaned, "exit"); sem_post(&up); pthread_exit((void *)77); pthread_cleanup_pop(0); }
static void run(const char *n, void *(*f)(void *)) { pthread_t t; void *r = 0; pthread_create(&t, 0, f, 0); sem_wait(&up); usleep(2500); cancelled = 0; int c = pthread_cancel(t); cancelled = 1; pthread_join(t, &r); printf("%s: cancel %d result %s\n", n, c, r == PTHREAD_CANCELED ? "cancelled" : r == (void *)77 ? "77" : "other"); fflush(stdout); }
#define RUN(f) run(#f, f)
int main(void) { sem_init(&up, 0, 0); pipe(pfd); pthread_key_create(&key, gone); RUN(in_read); RUN(in_sleep); RUN(in_poll); RUN(in_pause); RUN(in_sem); RUN(in_wait); RUN(in_test); RUN(in_nanosleep); RUN(in_sigwait); RUN(async_loop); RUN(in_cond); RUN(disabled); RUN(nested); RUN(with_key); pthread_t t; void *r; pthread_create(&t, 0, exits, 0); sem_wait(&up); pthread_join(t, &r); T((long)r); T(pthread_mutex_trylock(&m)); pthread_mutex_unlock(&m); T(pthread_setcancelstate(9, 0)); T(pthread_setcanceltype(9, 0)); pthread_exit(0); }
