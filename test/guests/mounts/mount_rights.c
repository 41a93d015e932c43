#include "files.h"
#include <sys/mount.h>
static void user(void) { T(mount("none", "d", "tmpfs", 0, NULL)); T(mount("none", "absent", "tmpfs", 0, NULL)); T(mount("none", "d", "nonsense", 0, NULL)); T(mount("d", "d", NULL, MS_BIND, NULL)); T(mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL)); T(umount("d")); T(umount("absent")); T(umount("/proc")); T(umount2("d", 0x80)); T(syscall(SYS_pivot_root, "d", "d")); T(mount("none", "closed/x", "tmpfs", 0, NULL)); }
int main(void) { chmod(".", 0777); mkdir("d", 0777); mkdir("closed", 0700); mkdir("closed/x", 0700); AS_USER(user); }
