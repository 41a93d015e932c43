#include "check.h"
#include <utime.h>
static void show(void) { struct stat s; stat("f", &s); printf("a %ld.%09ld m %ld.%09ld\n", s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec, s.st_mtim.tv_nsec); }
int main(void) {
  close(creat("f", 0600)); struct timespec t[2] = {{1000, 123456789}, {2000, 987654321}}; T(utimensat(AT_FDCWD, "f", t, 0)); show(); t[0].tv_nsec = UTIME_OMIT; t[1].tv_sec = 5; T(utimensat(AT_FDCWD, "f", t, 0)); show(); t[0].tv_nsec = 1000000000; T(utimensat(AT_FDCWD, "f", t, 0)); T(utimensat(AT_FDCWD, "absent", 0, 0)); T(utimensat(AT_FDCWD, "f", 0, 0x4000)); struct utimbuf u = {7, 8}; T(utime("f", &u)); show(); struct timeval v[2] = {{9, 10}, {11, 999999}}; T(utimes("f", v)); show(); v[0].tv_usec = 1000000; T(utimes("f", v)); int fd = open("f", O_RDONLY); t[0] = t[1] = (struct timespec){-5, 7}; T(futimens(fd, t)); show(); symlink("f", "s"); t[0].tv_sec = 77; T(utimensat(AT_FDCWD, "s", t, AT_SYMLINK_NOFOLLOW)); show(); struct stat s; lstat("s", &s); T(s.st_atim.tv_sec); t[0].tv_nsec = UTIME_NOW; T(utimensat(AT_FDCWD, "f", t, 0)); stat("f", &s); IS(s.st_atim.tv_sec > 1600000000);
}
