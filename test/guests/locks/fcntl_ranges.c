#include "files.h"
static int fd;
static int set(int type, long start, long len) { struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len}; int r = fcntl(fd, F_SETLK, &l); return r ? errno : 0; }
/* What another process sees: the map of the first 40 bytes and the end. */
static void map(const char *title) {
  fflush(stdout); int pid = fork(); if (pid) { waitpid(pid, 0, 0); return; }
  printf("%s: ", title); for (int i = 0; i < 40; i++) { struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1}; if (fcntl(fd, F_GETLK, &l)) { printf("?"); continue; } putchar(l.l_type == F_UNLCK ? '.' : l.l_type == F_RDLCK ? 'r' : 'w'); }
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1000, .l_len = 0}; fcntl(fd, F_GETLK, &l); printf(" end %c; first:", l.l_type == F_UNLCK ? '.' : l.l_type == F_RDLCK ? 'r' : 'w'); l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}; fcntl(fd, F_GETLK, &l); if (l.l_type == F_UNLCK) puts(" none"); else printf(" %d %ld+%ld pid %d\n", l.l_type, (long)l.l_start, (long)l.l_len, l.l_pid == getppid()); fflush(stdout); _exit(0);
}
int main(void) {
  fd = open("f", O_RDWR | O_CREAT, 0600); ftruncate(fd, 100);
  T(set(F_WRLCK, 5, 10)); map("w 5+10"); T(set(F_RDLCK, 8, 3)); map("r 8+3"); T(set(F_UNLCK, 9, 1)); map("u 9+1"); T(set(F_WRLCK, 0, 40)); map("w 0+40"); T(set(F_UNLCK, 10, 10)); map("u 10+10"); T(set(F_RDLCK, 0, 0)); map("r all"); T(set(F_UNLCK, 20, 0)); map("u 20-"); T(set(F_WRLCK, 30, -5)); map("w 30-5"); T(set(F_WRLCK, 3, -5)); T(set(F_WRLCK, -1, 1)); T(set(99, 0, 1)); T(set(F_UNLCK, 0, 0)); map("none");
  for (int i = 0; i < 20; i += 2) set(i % 4 ? F_RDLCK : F_WRLCK, i, 1); map("stripes"); T(set(F_RDLCK, 4, 10)); map("r 4+10"); T(set(F_UNLCK, 0, 0));
  lseek(fd, 50, SEEK_SET); struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -30, .l_len = 5}; T(fcntl(fd, F_SETLK, &l)); map("cur"); l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -70, .l_len = 5}; T(fcntl(fd, F_SETLK, &l)); map("end"); l.l_whence = 7; T(fcntl(fd, F_SETLK, &l));  l = (struct flock){.l_type = F_UNLCK}; T(fcntl(fd, F_GETLK, &l)); T(fcntl(fd, F_GETLK, NULL)); T(fcntl(fd, F_SETLK, NULL)); T(fcntl(-1, F_SETLK, &l)); int r = open("f", O_RDONLY), w = open("f", O_WRONLY); l = (struct flock){.l_type = F_WRLCK}; T(fcntl(r, F_SETLK, &l)); l.l_type = F_RDLCK; T(fcntl(w, F_SETLK, &l)); T(fcntl(w, F_GETLK, &l));
  set(F_WRLCK, 0, 10); map("before close"); close(r); map("after close of another"); set(F_WRLCK, 0, 10); int d = dup(fd); close(d); map("after close of a dup"); set(F_WRLCK, 0, 10); int pid = fork(); if (!pid) { close(fd); _exit(0); } waitpid(pid, 0, 0); map("a child's close"); set(F_UNLCK, 0, 0); int p[2]; pipe(p); l = (struct flock){.l_type = F_RDLCK}; T(fcntl(p[0], F_SETLK, &l)); int dir = open(".", O_RDONLY); T(fcntl(dir, F_SETLK, &l));
}
