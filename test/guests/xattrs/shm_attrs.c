#include "files.h"
#include <sys/xattr.h>
int main(void) { char n[64], b[64]; sprintf(n, "/dev/shm/guesta-%d", getpid()); int fd = open(n, O_CREAT | O_RDWR, 0600); if (getuid()) return 0; T(fsetxattr(fd, "trusted.a", "xyz", 3, 0)); T(fgetxattr(fd, "trusted.a", b, 64)); T(fsetxattr(fd, "trusted.a", "q", 1, XATTR_CREATE)); T(fsetxattr(fd, "trusted.b", "q", 1, XATTR_REPLACE)); T(fremovexattr(fd, "trusted.a")); T(fremovexattr(fd, "trusted.a")); T(fgetxattr(fd, "trusted.a", b, 64)); T(fgetxattr(fd, "system.posix_acl_access", b, 64)); T(fgetxattr(fd, "security.capability", b, 64)); unlink(n); }
