#include "check.h"
static int cmp(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int main(void) {
  mkdir("d", 0700); char n[32]; for (int i = 0; i < 300; i++) { sprintf(n, "d/file%03d", i); close(creat(n, 0600)); } mkdir("d/sub", 0700); symlink("x", "d/link"); mkfifo("d/fifo", 0600);
  DIR *dir = opendir("d"); struct dirent *e; char *names[400]; int c = 0; while ((e = readdir(dir))) { char t[300]; sprintf(t, "%s %d", e->d_name, e->d_type); names[c++] = strdup(t); } qsort(names, c, sizeof *names, cmp); for (int i = 0; i < c; i++) puts(names[i]); T(c);
  rewinddir(dir); int k = 0; long where = 0; while ((e = readdir(dir))) if (++k == 100) where = telldir(dir); T(k); seekdir(dir, where); k = 0; while ((e = readdir(dir))) k++; T(k); closedir(dir);
  int fd = open("d", O_RDONLY); char b[16]; T(syscall(SYS_getdents64, fd, b, 16)); T(syscall(SYS_getdents64, fd, (void *)8, 4096)); int f = open("d/file001", O_RDONLY); T(syscall(SYS_getdents64, f, b, 16)); T(syscall(SYS_getdents64, -1, b, 16)); dir = opendir("d"); k = 0; while ((e = readdir(dir))) if (e->d_name[0] != '.') { char p[300]; sprintf(p, "d/%s", e->d_name); unlink(p); k++; } T(k);
}
