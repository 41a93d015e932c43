/* What nanosleep and its kin leave after a signal; stop and continue in a sleep. */
#include "check.h"
static void h(int s) {} /* Again and again: the first may come before the sleep begins, on a busy machine. */
static void arm(void) { struct itimerval t = {{0, 20000}, {0, 5000}}; setitimer(ITIMER_REAL, &t, 0); }
int main(void) {
  struct sigaction a = {.sa_handler = h}; sigaction(SIGALRM, &a, 0); struct timespec t = {5, 0}, r = {0, 0}; arm(); T(nanosleep(&t, &r)); IS(r.tv_sec == 4); IS(t.tv_sec == 5); arm(); T(nanosleep(&t, &t)); IS(t.tv_sec == 4); a.sa_flags = SA_RESTART; sigaction(SIGALRM, &a, 0); t.tv_sec = 5; arm(); T(nanosleep(&t, &r)); IS(r.tv_sec == 4); arm(); T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, &r)); IS(r.tv_sec == 4); struct timespec n; clock_gettime(CLOCK_MONOTONIC, &n); n.tv_sec += 5; r.tv_sec = 77; arm(); T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &n, &r)); T(r.tv_sec); arm(); T(syscall(SYS_nanosleep, &t, 8)); IS(sleep(0) == 0); arm(); IS(sleep(3) >= 2);
  struct itimerval none = {{0, 0}, {0, 0}}; setitimer(ITIMER_REAL, &none, 0);
  fflush(stdout); pid_t p = fork(); if (p == 0) { struct timespec s, e; clock_gettime(CLOCK_MONOTONIC, &s); t = (struct timespec){0, 60000000}; int v = nanosleep(&t, 0); clock_gettime(CLOCK_MONOTONIC, &e); long us = (e.tv_sec - s.tv_sec) * 1000000 + (e.tv_nsec - s.tv_nsec) / 1000; _exit(v == 0 && us >= 60000 ? 1 : 2); } usleep(5000); kill(p, SIGSTOP); int st; waitpid(p, &st, WUNTRACED); HEX(st); kill(p, SIGCONT); waitpid(p, &st, 0); HEX(st);
  p = fork(); if (p == 0) { signal(SIGTSTP, SIG_DFL); t = (struct timespec){0, 40000000}; _exit(poll(0, 0, 40) == 0 ? 1 : 2); } usleep(5000); kill(p, SIGSTOP); waitpid(p, &st, WUNTRACED); kill(p, SIGCONT); waitpid(p, &st, 0); HEX(st);
}
