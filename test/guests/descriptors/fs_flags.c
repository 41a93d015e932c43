#include "files.h"
#include <linux/fs.h>
/* FS_IOC_*: what is set shows, and binds. Immutable and append-only files need rights to be made. */
int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600), d = open(".", O_RDONLY), p[2], a = 0; pipe(p); T(ioctl(fd, FS_IOC_GETFLAGS, &a)); T(a & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL)); T(ioctl(d, FS_IOC_GETFLAGS, &a)); T(ioctl(p[0], FS_IOC_GETFLAGS, &a)); T(ioctl(fd, FS_IOC_GETFLAGS, NULL)); T(ioctl(open("f", O_PATH), FS_IOC_GETFLAGS, &a)); T(ioctl(open("/proc/version", O_RDONLY), FS_IOC_GETFLAGS, &a)); T(ioctl(open("/dev/null", O_RDONLY), FS_IOC_GETFLAGS, &a)); T(ioctl(p[0], FS_IOC_SETFLAGS, &a)); T(ioctl(fd, FS_IOC_SETFLAGS, NULL));
  ioctl(fd, FS_IOC_GETFLAGS, &a); a |= FS_NODUMP_FL; T(ioctl(fd, FS_IOC_SETFLAGS, &a)); a = 0; T(ioctl(fd, FS_IOC_GETFLAGS, &a)); T(!!(a & FS_NODUMP_FL)); a &= ~FS_NODUMP_FL; T(ioctl(fd, FS_IOC_SETFLAGS, &a)); if (getuid()) return 0;
  a |= FS_APPEND_FL; T(ioctl(fd, FS_IOC_SETFLAGS, &a)); T(open("f", O_WRONLY)); T(open("f", O_WRONLY | O_APPEND | O_TRUNC)); T(truncate("f", 0)); T(unlink("f")); T(rename("f", "g")); T(link("f", "g")); a &= ~FS_APPEND_FL; a |= FS_IMMUTABLE_FL; T(ioctl(fd, FS_IOC_SETFLAGS, &a)); T(open("f", O_WRONLY)); T(chmod("f", 0644)); T(chown("f", 1, 1)); T(unlink("f")); T(utimensat(AT_FDCWD, "f", NULL, 0)); TRY(open("f", O_RDONLY)); a &= ~FS_IMMUTABLE_FL; T(ioctl(fd, FS_IOC_SETFLAGS, &a)); T(unlink("f"));
}
