#include "check.h"
int main(void) {
  struct stat st; umask(022); T(mkdir("d", 0777)); stat("d", &st); HEX(st.st_mode); T(st.st_nlink); T(mkdir("d", 0777)); T(mkdir("d/e/f", 0777)); T(mkdir("d/e/", 0700)); stat("d", &st); T(st.st_nlink); T(rmdir("d")); T(rmdir("d/e/.")); T(rmdir("d/e/..")); T(rmdir("d/e/")); T(rmdir("d")); T(rmdir("d")); T(mkdir("", 0700)); T(mkdir("/", 0700)); T(rmdir("/")); T(rmdir("."));
  close(creat("file", 0600)); T(rmdir("file")); T(mkdir("file/x", 0700)); T(mkdir("file", 0700)); T(mkdirat(-1, "rel", 0700)); T(mkdirat(AT_FDCWD, "rel", 0700)); T(symlink("nowhere", "dangling")); T(mkdir("dangling", 0700)); T(symlink("rel", "tolink")); T(rmdir("tolink")); T(rmdir("tolink/")); umask(077); T(mkdir("u", 0777)); stat("u", &st); HEX(st.st_mode);
}
