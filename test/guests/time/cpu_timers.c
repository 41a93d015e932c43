/* Timers on processor time do not come before their time, however long the turn that sets them has run. */
#include "check.h"

static double used(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static volatile int fired;
static double at;
static clockid_t watched;
static void handler(int signal) {
  if (fired++ == 0) at = used(watched);
}
static void burn(clockid_t clock, double ms) {
  for (double end = used(clock) + ms; used(clock) < end;) {}
}

static void measure(const char *name, clockid_t clock) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  struct itimerspec set = {{0, 0}, {0, 60000000}}, left;
  timer_t timer;
  T(timer_create(clock, &event, &timer));
  for (int round = 0; round < 3; round++) {
    fired = 0, watched = clock;
    burn(clock, 7);
    double begin = used(clock);
    timer_settime(timer, 0, &set, NULL);
    burn(clock, 5);
    timer_gettime(timer, &left);
    double rest = left.it_value.tv_nsec / 1e6, gone = used(clock) - begin;
    printf("%s: left %s\n", name, rest > 0 && rest + gone >= 60 - 0.1 ? "fits" : "TOO LITTLE");
    while (!fired) burn(clock, 1);
    printf("%s: %s\n", name, at - begin >= 60 - 0.1 ? "not before" : "TOO SOON");
  }
  timer_delete(timer);
}

int main(void) {
  signal(SIGUSR1, handler);
  measure("thread", CLOCK_THREAD_CPUTIME_ID);
  measure("process", CLOCK_PROCESS_CPUTIME_ID);
  for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
    struct itimerval set = {{10, 0}, {0, 0}}, old, none = {0};
    T(setitimer(which, &set, NULL));
    T(getitimer(which, &old));
    printf("%d: %ld %ld\n", which, old.it_interval.tv_sec, old.it_value.tv_sec);
    T(setitimer(which, &none, &old));
    printf("%d: %ld %ld\n", which, old.it_interval.tv_sec, old.it_value.tv_sec);
    T(getitimer(which, &old));
    printf("%d: %ld %ld\n", which, old.it_interval.tv_sec, old.it_value.tv_sec);
  }
  return 0;
}
