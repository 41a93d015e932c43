#include "../check.h"
#include <sys/ioctl.h>
#include <sys/vfs.h>
/* Files of namespaces: what they are, their ioctls, setns to where one is already. */
static const char *names[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"};
int main(void) {
  for (int i = 0; i < 9; i++) {
    char path[64], text[64] = "", again[64] = "", own[64];
    struct stat by_path, by_fd;
    struct statfs fs;
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    printf("%s: open %d\n", names[i], fd >= 0);
    readlink(path, text, sizeof text - 1);
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    readlink(own, again, sizeof again - 1);
    IS(strcmp(text, again) == 0);
    stat(path, &by_path);
    fstat(fd, &by_fd);
    IS(by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev && by_fd.st_ino == strtoul(strchr(text, '[') + 1, NULL, 10));
    printf("mode %o links %d size %ld\n", by_fd.st_mode, (int)by_fd.st_nlink, (long)by_fd.st_size);
    fstatfs(fd, &fs);
    HEX(fs.f_type);
    HEX(ioctl(fd, 0xb703) & 0xffffffff);
    unsigned uid = 7;
    T(ioctl(fd, 0xb704, &uid));
    T(read(fd, text, 1));
    T(open(path, O_RDWR));
    close(fd);
  }
  T(setns(-1, 0));
  T(setns(0, 0));
  int user = open("/proc/self/ns/user", O_RDONLY), uts = open("/proc/self/ns/uts", O_RDONLY);
  T(setns(user, 0));
  T(setns(uts, CLONE_NEWIPC));
  T(setns(uts, -1));
  T(open("/proc/self/ns/none", O_RDONLY));
  if (geteuid() == 0) setresuid(65534, 65534, 65534);
  T(setns(uts, 0));
  T(setns(uts, CLONE_NEWUTS));
  return 0;
}
