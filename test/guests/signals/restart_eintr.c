#include "check.h"
#include <poll.h>
static volatile int n; static void h(int s) { n++; }
static void run(int flags) { struct sigaction a = {.sa_handler = h, .sa_flags = flags}; sigaction(SIGALRM, &a, 0); int p[2]; pipe(p); fflush(stdout); pid_t k = fork(); if (!k) { usleep(120000); write(p[1], "x", 1); _exit(0); } struct itimerval t = {{0, 0}, {0, 40000}}; setitimer(ITIMER_REAL, &t, 0); char c; T(read(p[0], &c, 1)); int s; while (waitpid(k, &s, 0) < 0); T(n); }
int main(void) { run(0); run(SA_RESTART); struct itimerval t = {{0, 0}, {0, 20000}}; setitimer(ITIMER_REAL, &t, 0); struct timespec q = {1, 0}, r = {0, 0}; T(nanosleep(&q, &r)); IS(r.tv_sec == 0 && r.tv_nsec > 500000000); setitimer(ITIMER_REAL, &t, 0); T(pause()); setitimer(ITIMER_REAL, &t, 0); T(poll(0, 0, 2000)); setitimer(ITIMER_REAL, &t, 0); T(usleep(500000)); setitimer(ITIMER_REAL, &t, 0); int s; T(wait(&s)); T(n); }
