#include "files.h"
int main(void) {
  mkdir("top", 0755); mkdir("top/sub", 0755); mkdir("top/sub/deep", 0755);
  put("top/f", "f"); put("top/sub/g", "g"); put("outside", "o");
  symlink("../outside", "top/escape");
  symlink("sub/g", "top/inner");
  symlink("/etc", "top/absolute");
  symlink("../f", "top/sub/up");
  symlink("../../outside", "top/sub/up2");
  symlink("../top/f", "top/around");
  symlink("/", "top/root");
  symlink("..", "top/parent");
  int dir = open("top", O_PATH | O_DIRECTORY);
  static const char *paths[] = {"f", "sub/g", "sub/../f", "sub/deep/../../f", "../top/f", "..", "../outside",
    "sub/../../outside", "sub/deep/../../../outside", "escape", "inner", "absolute", "sub/up", "sub/up2", "around",
    "root", "parent", "parent/top/f", "/etc/passwd", "/", ".", "./f", "absent", "sub/absent", "sub/..", "sub/../.."};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    int fd = openat2_(dir, paths[i], O_RDONLY, 0, BENEATH);
    printf("beneath %s: %s\n", paths[i], fd < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0) close(fd);
    fd = openat2_(dir, paths[i], O_PATH | O_NOFOLLOW, 0, BENEATH);
    printf("beneath, link itself %s: %s\n", paths[i], fd < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0) close(fd);
    fd = openat2_(dir, paths[i], O_RDONLY, 0, BENEATH | NO_SYM);
    printf("beneath, no links %s: %s\n", paths[i], fd < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0) close(fd);
  }
  TRY(openat2_(dir, "sub/new", O_CREAT | O_RDWR, 0600, BENEATH));
  TRY(openat2_(dir, "../new", O_CREAT | O_RDWR, 0600, BENEATH));
  TRY(openat2_(dir, "escape", O_CREAT | O_RDWR, 0600, BENEATH));
  symlink("sub/made", "top/maker");
  TRY(openat2_(dir, "maker", O_CREAT | O_RDWR, 0600, BENEATH));
  what("top/sub/made");
  what("new");
  chdir("top");
  TRY(openat2_(AT_FDCWD, "f", O_RDONLY, 0, BENEATH));
  TRY(openat2_(AT_FDCWD, "../outside", O_RDONLY, 0, BENEATH));
}
