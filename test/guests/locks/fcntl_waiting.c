#include "files.h"
static void alrm(int s) {}
static int lk(int fd, int cmd, int type, long start, long len) { struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len}; int r = fcntl(fd, cmd, &l); return r ? errno : 0; }
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600), go[2], back[2]; char c; pipe(go); pipe(back); struct sigaction a = {.sa_handler = alrm}; sigaction(SIGALRM, &a, 0);
  T(lk(fd, F_SETLK, F_WRLCK, 0, 10)); fflush(stdout); int pid = fork();
  if (!pid) { int mine = open("f", O_RDWR); printf("child try %s\n", strerrorname_np(lk(mine, F_SETLK, F_WRLCK, 5, 1))); struct itimerval t = {{0, 0}, {0, 50000}}; setitimer(ITIMER_REAL, &t, 0); printf("child interrupted %s\n", strerrorname_np(lk(mine, F_SETLKW, F_RDLCK, 5, 1))); fflush(stdout); write(back[1], "x", 1); int got = lk(mine, F_SETLKW, F_WRLCK, 5, 1); write(back[1], "y", 1); read(go[0], &c, 1); printf("child waited %d\n", got); fflush(stdout); _exit(0); }
  read(back[0], &c, 1); usleep(30000); T(lk(fd, F_SETLK, F_UNLCK, 5, 1)); read(back[0], &c, 1); printf("%c\n", c); T(lk(fd, F_SETLK, F_WRLCK, 5, 1)); struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1}; T(fcntl(fd, F_GETLK, &l)); IS(l.l_pid == pid && l.l_type == F_WRLCK); write(go[1], "g", 1); waitpid(pid, 0, 0); T(lk(fd, F_SETLK, F_WRLCK, 5, 1));
  /* a circle of two */
  lk(fd, F_SETLK, F_UNLCK, 0, 0); lk(fd, F_SETLK, F_WRLCK, 0, 1); fflush(stdout); pid = fork(); if (!pid) { lk(fd, F_SETLK, F_WRLCK, 1, 1); write(back[1], "r", 1); int r = lk(fd, F_SETLKW, F_WRLCK, 0, 1); lk(fd, F_SETLK, F_UNLCK, 0, 0); _exit(r); } read(back[0], &c, 1); usleep(50000); T(lk(fd, F_SETLKW, F_WRLCK, 1, 1)); lk(fd, F_SETLK, F_UNLCK, 0, 0); int s; waitpid(pid, &s, 0); T(WEXITSTATUS(s));
  /* the end of a process gives its locks up */
  fflush(stdout); pid = fork(); if (!pid) { lk(fd, F_SETLK, F_WRLCK, 0, 5); write(back[1], "l", 1); pause(); } read(back[0], &c, 1); T(lk(fd, F_SETLK, F_RDLCK, 0, 1)); kill(pid, SIGKILL); waitpid(pid, 0, 0); T(lk(fd, F_SETLK, F_RDLCK, 0, 1)); pid = fork(); if (!pid) { _exit(lk(fd, F_SETLK, F_RDLCK, 0, 1)); } waitpid(pid, &s, 0); T(WEXITSTATUS(s)); pid = fork(); if (!pid) _exit(lk(fd, F_SETLK, F_WRLCK, 0, 1)); waitpid(pid, &s, 0); T(WEXITSTATUS(s));
}
