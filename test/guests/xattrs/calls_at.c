// setxattrat(2), getxattrat(2), listxattrat(2), removexattrat(2): places, structures, errors.
#include "check.h"
#include <sys/xattr.h>

struct args { uint64_t value; uint32_t size, flags; };
struct bigger { struct args args; uint64_t more; };

#define SET(dir, path, at, name, args, size) syscall(463, dir, path, at, name, args, size)
#define GET(dir, path, at, name, args, size) syscall(464, dir, path, at, name, args, size)
#define LIST(dir, path, at, list, size) syscall(465, dir, path, at, list, size)
#define REMOVE(dir, path, at, name) syscall(466, dir, path, at, name)

int main(void) {
  char value[32] = "value", list[64];
  struct args set = {(uintptr_t)value, 5, 0}, get = {(uintptr_t)value, sizeof value, 0};
  int dir = open(".", O_RDONLY | O_DIRECTORY);
  int fd = open("xattrs-at-file", O_CREAT | O_RDWR, 0600);
  T(symlink("xattrs-at-file", "xattrs-at-link"));
  if (SET(dir, "xattrs-at-file", 0, "user.a", &set, 16) < 0 && errno == ENOSYS) return 0;
  T(GET(dir, "xattrs-at-file", 0, "user.a", &get, 16));
  T(GET(AT_FDCWD, "xattrs-at-link", 0, "user.a", &get, 16));
  T(GET(AT_FDCWD, "xattrs-at-link", AT_SYMLINK_NOFOLLOW, "user.a", &get, 16));
  T(GET(fd, "", AT_EMPTY_PATH, "user.a", &get, 16));
  T(GET(fd, NULL, AT_EMPTY_PATH, "user.a", &get, 16));
  T(GET(fd, "", 0, "user.a", &get, 16));
  T(GET(-1, "", AT_EMPTY_PATH, "user.a", &get, 16));
  T(GET(-1, "xattrs-at-file", 0, "user.a", &get, 16));
  T(GET(fd, "x", 0, "user.a", &get, 16));
  T(GET(dir, "xattrs-at-file", 0x10000, "user.a", &get, 16));
  T(GET(dir, "xattrs-at-file", 0, "user.b", &get, 16));
  T(GET(dir, "missing", 0, "user.a", &get, 16));
  T(GET(dir, "xattrs-at-file", 0, "user.a", &get, 15));
  T(GET(dir, "xattrs-at-file", 0, "user.a", &get, 4097));
  T(GET(dir, "xattrs-at-file", 0, "user.a", 8, 16));
  struct bigger big = {get, 0};
  T(GET(dir, "xattrs-at-file", 0, "user.a", &big, 24));
  big.more = 1;
  T(GET(dir, "xattrs-at-file", 0, "user.a", &big, 24));
  get.flags = 1;
  T(GET(dir, "xattrs-at-file", 0, "user.a", &get, 16));
  get.flags = 0, get.size = 2;
  T(GET(dir, "xattrs-at-file", 0, "user.a", &get, 16));
  get.size = 0;
  T(GET(dir, "xattrs-at-file", 0, "user.a", &get, 16));
  set.flags = XATTR_CREATE;
  T(SET(dir, "xattrs-at-file", 0, "user.a", &set, 16));
  T(SET(fd, "", AT_EMPTY_PATH, "user.b", &set, 16));
  set.flags = XATTR_REPLACE;
  T(SET(fd, "", AT_EMPTY_PATH, "user.c", &set, 16));
  set.flags = 4;
  T(SET(fd, "", AT_EMPTY_PATH, "user.c", &set, 16));
  set.flags = 0, set.value = 8;
  T(SET(fd, "", AT_EMPTY_PATH, "user.c", &set, 16));
  set.size = 70000;
  T(SET(fd, "", AT_EMPTY_PATH, "user.c", &set, 16));
  T(SET(fd, "", 0x10000, "user.c", &set, 16));
  T(LIST(fd, "", AT_EMPTY_PATH, list, sizeof list));
  T(LIST(dir, "xattrs-at-file", 0, list, 3));
  T(LIST(dir, "xattrs-at-file", 0x10000, list, 3));
  T(LIST(dir, "xattrs-at-link", AT_SYMLINK_NOFOLLOW, list, sizeof list));
  T(REMOVE(dir, "xattrs-at-file", 0, "user.a"));
  T(REMOVE(dir, "xattrs-at-file", 0, "user.a"));
  T(REMOVE(dir, "xattrs-at-file", 0x10000, "user.b"));
  T(REMOVE(fd, "", AT_EMPTY_PATH, "user.b"));
  T(LIST(fd, "", AT_EMPTY_PATH, list, sizeof list));
  unlink("xattrs-at-link");
  unlink("xattrs-at-file");
  return 0;
}
