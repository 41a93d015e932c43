#include "check.h"
#include <sys/xattr.h>
int main(void) {
  char b[64]; int fd = open("f", O_CREAT | O_RDWR, 0600); T(setxattr("f", "user.a", "one", 3, 0)); T(setxattr("f", "user.a", "x", 1, XATTR_CREATE)); T(setxattr("f", "user.b", "x", 1, XATTR_REPLACE)); T(getxattr("f", "user.a", b, 64)); T(getxattr("f", "user.a", b, 0)); T(getxattr("f", "user.a", b, 2)); T(getxattr("f", "user.z", b, 64)); T(fsetxattr(fd, "user.b", "two!", 4, 0)); T(fgetxattr(fd, "user.b", b, 64)); T(listxattr("f", b, 0)); T(listxattr("f", b, 3)); T(setxattr("f", "nodot", "x", 1, 0)); T(setxattr("f", "user.", "x", 1, 0)); T(removexattr("f", "user.a")); T(removexattr("f", "user.a")); T(getxattr("absent", "user.a", b, 64)); T(setxattr("f", "user.c", "x", 1, 99)); T(lgetxattr("f", "user.b", b, 64)); T(fremovexattr(fd, "user.b")); T(flistxattr(fd, b, 64));
}
