/* O_ASYNC: SIGIO, or the signal of F_SETSIG with its siginfo, when a pipe or socket becomes ready. */
#include "check.h"
#include <sys/socket.h>
static volatile sig_atomic_t heard, code, number; static volatile long band;
static void on(int s, siginfo_t *i, void *u) { heard = s; code = i->si_code; number = i->si_fd; band = i->si_band; }
static void tell(const char *what, int fd) { for (int i = 0; i < 200 && !heard; i++) usleep(1000); printf("%s: %s", what, heard == SIGIO ? "SIGIO" : heard == SIGRTMIN + 1 ? "RT" : "nothing"); if (heard == SIGRTMIN + 1) printf(" code %d fd %d band in %d", code, number == fd, (int)(band & 1)); printf("\n"); fflush(stdout); heard = 0; }
static void try(int *p, const char *kind) {
  char b[8];
  printf("%s\n", kind);
  T(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
  IS(fcntl(p[0], F_GETFL) & O_ASYNC);
  write(p[1], "x", 1);
  tell("no owner", p[0]);
  read(p[0], b, 8);
  T(fcntl(p[0], F_SETOWN, getpid()));
  write(p[1], "x", 1);
  tell("own", p[0]);
  read(p[0], b, 8);
  T(fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
  write(p[1], "x", 1);
  tell("chosen", p[0]);
  read(p[0], b, 8);
  T(fcntl(p[0], F_SETOWN, -getpgrp()));
  heard = 0;
  write(p[1], "x", 1);
  tell("group", p[0]);
  read(p[0], b, 8);
  struct f_owner_ex o = {F_OWNER_TID, gettid()};
  T(fcntl(p[0], F_SETOWN_EX, &o));
  heard = 0;
  write(p[1], "x", 1);
  tell("thread", p[0]);
  T(fcntl(p[0], F_SETFL, 0));
  heard = 0;
  write(p[1], "x", 1);
  usleep(2000);
  printf("off: %d\n", heard);
}
int main(void) {
  setpgid(0, 0);
  struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGIO, &a, 0);
  sigaction(SIGRTMIN + 1, &a, 0);
  int p[2];
  pipe(p);
  try(p, "pipe");
  socketpair(AF_UNIX, SOCK_STREAM, 0, p);
  try(p, "stream");
  socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
  try(p, "datagrams");
}
