/* Signals that interrupt waiting calls: EINTR, SA_RESTART, and calls with time limits. */
#include "net.h"
static volatile int hits;
static void hit(int s) { hits++; }
static void arm(int restart) { struct sigaction a = {.sa_handler = hit, .sa_flags = restart ? SA_RESTART : 0}; sigaction(SIGALRM, &a, 0); struct itimerval t = {{0, 0}, {0, 30000}}; setitimer(ITIMER_REAL, &t, 0); }
static void *later(void *a) { usleep(90000); send(*(int *)a, "late", 4, 0); return 0; }
int main(void) {
  int p[2], l = listener(1), u = udp("127.0.0.1"); char b[8]; pthread_t t; sigset_t m; tcp_pair(p);
  arm(0); T(recv(p[1], b, 8, 0)); arm(0); T(read(p[1], b, 8)); arm(0); T(accept(l, 0, 0)); arm(0); T(recvfrom(u, b, 8, 0, 0, 0)); arm(0); T(events(p[1], POLLIN, 5000)); T(hits); sigemptyset(&m); sigaddset(&m, SIGALRM); pthread_sigmask(SIG_BLOCK, &m, 0); pthread_create(&t, 0, later, &p[0]); pthread_sigmask(SIG_UNBLOCK, &m, 0); arm(1); T(recv(p[1], b, 8, 0)); T(hits); pthread_join(t, 0);
  struct timeval tv = {5, 0}; setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv); arm(0); T(recv(p[1], b, 8, 0)); arm(0); send(p[0], "ab", 2, 0); T(recv(p[1], b, 8, MSG_WAITALL)); T(hits); static char big[1 << 16]; arm(0); long n = 0, r; fcntl(p[0], F_SETFL, O_NONBLOCK); while (send(p[0], big, sizeof big, 0) > 0); usleep(50000); while (send(p[0], big, sizeof big, 0) > 0); fcntl(p[0], F_SETFL, 0); arm(0); T(send(p[0], big, sizeof big, 0)); T(hits);
}
