#include "files.h"
static int root;
static void at(const char *path, uint64_t flags, uint64_t mode, uint64_t more) {
  char text[16] = {0};
  int fd = openat2_(root, path, flags, mode, IN_ROOT | more);
  if (fd < 0) { printf("%s: %s\n", path, strerrorname_np(errno)); return; }
  if (!(flags & (O_PATH | O_DIRECTORY))) read(fd, text, 15);
  struct stat st;
  fstat(fd, &st);
  printf("%s: type %o %s\n", path, st.st_mode & S_IFMT, text);
  close(fd);
}
int main(void) {
  mkdir("top", 0755); mkdir("top/etc", 0755); mkdir("top/a", 0755); mkdir("top/a/b", 0755);
  put("top/etc/name", "inside"); put("name", "outside"); put("top/a/f", "f");
  symlink("/etc/name", "top/abs"); symlink("../../../../etc/name", "top/a/b/many");
  symlink("/abs", "top/a/twice"); symlink("/", "top/a/root"); symlink("../name", "top/up");
  symlink("/a/b/self", "top/a/b/self"); symlink("/new-file", "top/maker");
  root = open("top", O_PATH | O_DIRECTORY);
  at("/etc/name", O_RDONLY, 0, 0);
  at("etc/name", O_RDONLY, 0, 0);
  at("../../../etc/name", O_RDONLY, 0, 0);
  at("abs", O_RDONLY, 0, 0);
  at("/abs", O_RDONLY, 0, 0);
  at("a/b/many", O_RDONLY, 0, 0);
  at("a/twice", O_RDONLY, 0, 0);
  at("a/twice", O_RDONLY, 0, NO_SYM);
  at("a/root", O_RDONLY | O_DIRECTORY, 0, 0);
  at("a/root/etc/name", O_RDONLY, 0, 0);
  at("up", O_RDONLY, 0, 0);
  at("a/b/self", O_RDONLY, 0, 0);
  at("a/b/self", O_PATH | O_NOFOLLOW, 0, 0);
  at("..", O_PATH, 0, 0);
  at("/", O_PATH, 0, 0);
  at("/..", O_PATH, 0, 0);
  at("a/../../name", O_RDONLY, 0, 0);
  at("absent", O_RDONLY, 0, 0);
  at("/absent/x", O_RDONLY, 0, 0);
  at("/a/f/x", O_RDONLY, 0, 0);
  at("maker", O_CREAT | O_RDWR, 0600, 0);
  at("/also", O_CREAT | O_RDWR, 0600, 0);
  at("/../top2", O_CREAT | O_RDWR, 0600, 0);
  what("top/new-file"); what("top/also"); what("top/top2"); what("top2");
  struct stat a, b;
  int fd = openat2_(root, "..", O_PATH, 0, IN_ROOT);
  fstat(fd, &a); fstat(root, &b);
  IS(a.st_ino == b.st_ino);
}
