#include "../check.h"
/* Signals of timers that are pending when their timer is set anew, deleted, or their signal ignored. */
static volatile int seen, overruns;
static void handler(int sig, siginfo_t *info, void *context) {
  seen++;
  overruns = info->si_overrun;
}
static timer_t make(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  return timer;
}
static void set(timer_t timer, long first_ms, long interval_ms) {
  struct itimerspec value = {{interval_ms / 1000, interval_ms % 1000 * 1000000}, {first_ms / 1000, first_ms % 1000 * 1000000}};
  timer_settime(timer, 0, &value, NULL);
}
static void block(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(how, &set, NULL);
}
static void handle(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
}
static int pending(void) {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, SIGUSR1);
}
int main(void) {
  handle();
  block(SIG_BLOCK);
  timer_t timer = make();
  set(timer, 5, 5);
  usleep(30000);
  T(pending());
  set(timer, 10000, 0);
  block(SIG_UNBLOCK);
  printf("set anew: %d\n", seen);

  block(SIG_BLOCK);
  set(timer, 5, 5);
  usleep(30000);
  T(pending());
  T(timer_delete(timer));
  block(SIG_UNBLOCK);
  printf("deleted: %d\n", seen);

  /* Ignored for a while: the timer goes on, and is heard of again. */
  timer = make();
  signal(SIGUSR1, SIG_IGN);
  set(timer, 5, 5);
  usleep(30000);
  handle();
  for (int i = 0; i < 400 && seen < 3; i++) usleep(5000);
  IS(seen >= 3);
  T(timer_delete(timer));
  return 0;
}
