#include "files.h"
int main(void) {
  mkdir("d", 0755); put("d/f", "x"); symlink("d", "ld"); symlink("d/f", "lf"); symlink("lf", "llf");
  int fd = open("d/f", O_RDONLY), dir = open("d", O_RDONLY | O_DIRECTORY);
  char self[64], selfdir[64], below[80];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  snprintf(selfdir, sizeof selfdir, "/proc/self/fd/%d", dir);
  snprintf(below, sizeof below, "/proc/self/fd/%d/f", dir);
  static const uint64_t how[] = {0, NO_SYM, NO_MAGIC, NO_SYM | NO_MAGIC};
  const char *paths[] = {"d/f", "ld/f", "lf", "llf", self, selfdir, below, "/proc/self/cwd/d/f", "/proc/self/exe", "/proc/self/root", "/proc/self"};
  for (int p = 0; p < 11; p++)
    for (int h = 0; h < 4; h++) {
      const char *name = strncmp(paths[p], "/proc/self/fd", 13) ? paths[p] : "/proc/self/fd/N";
      int got = openat2_(AT_FDCWD, paths[p], O_RDONLY, 0, how[h]);
      printf("%d %s %#llx: %s\n", p, name, (long long)how[h], got < 0 ? strerrorname_np(errno) : "ok");
      if (got >= 0) close(got);
      got = openat2_(AT_FDCWD, paths[p], O_PATH | O_NOFOLLOW, 0, how[h]);
      printf("%d %s %#llx, itself: %s\n", p, name, (long long)how[h], got < 0 ? strerrorname_np(errno) : "ok");
      if (got >= 0) close(got);
    }
  TRY(openat2_(dir, "f", O_RDONLY, 0, NO_XDEV));
  TRY(openat2_(AT_FDCWD, "d/../d/f", O_RDONLY, 0, NO_XDEV));
  TRY(openat2_(AT_FDCWD, "lf", O_RDONLY, 0, NO_XDEV));
  TRY(openat2_(AT_FDCWD, "/proc/self/stat", O_RDONLY, 0, NO_XDEV));
  TRY(openat2_(AT_FDCWD, "/proc", O_RDONLY, 0, NO_XDEV));
  int proc = open("/proc", O_PATH);
  TRY(openat2_(proc, "version", O_RDONLY, 0, NO_XDEV));
  TRY(openat2_(proc, "..", O_RDONLY, 0, NO_XDEV));
  TRY(openat2_(proc, "version", O_RDONLY, 0, BENEATH | NO_XDEV));
  TRY(openat2_(proc, "self/cwd", O_RDONLY, 0, BENEATH));
  TRY(openat2_(proc, "self/root", O_RDONLY, 0, IN_ROOT));
  TRY(openat2_(proc, "self/exe", O_RDONLY, 0, NO_XDEV));
}
