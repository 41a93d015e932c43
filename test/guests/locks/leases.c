/* File leases: who may hold one, what breaks it, what the holder hears, and when the others go on. */
#include "check.h"
static volatile sig_atomic_t heard, code, number;
static void on(int s, siginfo_t *i, void *u) { heard = s; code = i->si_code; number = i->si_fd; }
static const char *name(int t) { return t == F_RDLCK ? "read" : t == F_WRLCK ? "write" : t == F_UNLCK ? "none" : "?"; }
#define LEASE(fd) (printf("%s holds %s\n", #fd, name(fcntl(fd, F_GETLEASE))), fflush(stdout))
int main(void) {
  int shm = memfd_create("x", 0);
  struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGIO, &a, 0);
  sigaction(SIGRTMIN, &a, 0);
  chdir("/dev/shm");
  close(open("leased", O_CREAT | O_RDWR, 0666));
  int r = open("leased", O_RDONLY);
  LEASE(r);
  T(fcntl(r, F_SETLEASE, F_UNLCK));
  T(fcntl(r, F_SETLEASE, 99));
  T(fcntl(0, F_SETLEASE, F_RDLCK));
  int p[2];
  pipe(p);
  T(fcntl(p[0], F_SETLEASE, F_RDLCK));
  T(fcntl(r, F_SETLEASE, F_RDLCK));
  LEASE(r);
  int other = open("leased", O_RDONLY | O_NONBLOCK);
  IS(other >= 0);
  T(fcntl(other, F_SETLEASE, F_WRLCK));
  T(fcntl(other, F_SETLEASE, F_RDLCK));
  T(fcntl(other, F_SETLEASE, F_UNLCK));
  T(open("leased", O_WRONLY | O_NONBLOCK));
  printf("heard %d\n", heard == SIGIO);
  LEASE(r);
  T(open("leased", O_RDWR | O_NONBLOCK));
  T(fcntl(r, F_SETLEASE, F_UNLCK));
  LEASE(r);
  int w = open("leased", O_RDWR | O_NONBLOCK);
  IS(w >= 0);
  T(fcntl(w, F_SETLEASE, F_RDLCK));
  T(fcntl(w, F_SETLEASE, F_WRLCK));
  close(other);
  close(r);
  T(fcntl(w, F_SETLEASE, F_WRLCK));
  LEASE(w);
  int d = dup(w);
  LEASE(d);
  fcntl(w, F_SETSIG, SIGRTMIN);
  heard = 0;
  T(open("leased", O_RDONLY | O_NONBLOCK));
  printf("heard %d code %d fd %d\n", heard == SIGRTMIN, code, number == w);
  LEASE(w);
  T(fcntl(w, F_SETLEASE, F_RDLCK));
  LEASE(w);
  /* A child opens for writing and waits until this process gives the lease up. */
  close(d);
  close(w);
  r = open("leased", O_RDONLY);
  T(fcntl(r, F_SETLEASE, F_RDLCK));
  fflush(stdout);
  int q[2];
  pipe(q);
  heard = 0;
  pid_t pid = fork();
  if (pid == 0) { close(r); int f = open("leased", O_WRONLY); write(q[1], f >= 0 ? "o" : "-", 1); int t = truncate("leased", 3); _exit(t == 0 ? 7 : 8); }
  while (!heard) usleep(1000);
  printf("asked\n");
  LEASE(r);
  char c = 0;
  fcntl(q[0], F_SETFL, O_NONBLOCK);
  T(read(q[0], &c, 1));
  T(fcntl(r, F_SETLEASE, F_UNLCK));
  int st;
  waitpid(pid, &st, 0);
  T(WEXITSTATUS(st));
  T(read(q[0], &c, 1));
  IS(c == 'o');
  /* truncate(2) breaks it, too, and closing gives it up. */
  T(fcntl(r, F_SETLEASE, F_RDLCK));
  fflush(stdout);
  heard = 0;
  pid = fork();
  if (pid == 0) { close(r); _exit(truncate("leased", 1) == 0 ? 7 : 8); }
  while (!heard) usleep(1000);
  close(r);
  waitpid(pid, &st, 0);
  T(WEXITSTATUS(st));
  chmod("leased", 0666);
  if (fork() == 0) { setuid(65534); int f = open("leased", O_RDONLY); T(fcntl(f, F_SETLEASE, F_RDLCK)); T(fcntl(f, F_SETLEASE, F_UNLCK)); _exit(0); }
  wait(0);
  unlink("leased");
}
