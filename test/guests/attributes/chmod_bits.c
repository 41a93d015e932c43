#include "files.h"
static void user(void) {
  T(chmod("mine", 0600)); what("mine"); T(chmod("theirs", 0600)); T(chmod("mine", 06755)); what("mine"); T(chmod("foreign-group", 02755)); what("foreign-group"); T(chmod("foreign-dir", 02755)); what("foreign-dir");
  T(chmod("closed/f", 0600)); int fd = open("mine", O_RDONLY); T(fchmod(fd, 0640)); what("mine"); int t = open("theirs", O_RDONLY); T(fchmod(t, 0640)); T(fchmodat(AT_FDCWD, "mine", 0700, AT_SYMLINK_NOFOLLOW)); what("mine");
}
int main(void) {
  umask(0); put("f", "x"); mkdir("d", 0755); symlink("f", "l"); symlink("absent", "dead"); mkfifo("p", 0600); symlink("loop", "loop");
  for (int m = 0; m < 010000; m += 0511) { chmod("f", m); struct stat s; stat("f", &s); printf("%o -> %o\n", m, s.st_mode); }
  T(chmod("f", 0177777)); what("f"); T(chmod("f", 0644)); T(chmod("d", 01777)); what("d"); T(chmod("d", 02755)); what("d"); T(chmod("d", 0755)); what("d"); T(chmod("l", 0600)); what("f"); T(chmod("dead", 0600)); T(chmod("p", 0644)); what("p");
  T(chmod("absent", 0600)); T(chmod("f/x", 0600)); T(chmod("", 0600)); T(chmod(NULL, 0600)); T(chmod("loop", 0600)); T(chmod("f/", 0600)); T(fchmod(-1, 0600)); T(fchmod(open("f", O_RDONLY), 0604)); what("f"); T(fchmod(open("d", O_RDONLY), 0711)); what("d"); int pp[2]; pipe(pp); T(fchmod(pp[0], 0600));
  T(fchmodat(AT_FDCWD, "f", 0600, 0)); T(fchmodat(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW)); T(fchmodat(AT_FDCWD, "f", 0600, 0x8000)); T(fchmodat(-1, "f", 0600, 0)); T(fchmodat(-1, "/", 0755, 0) == 0 || errno == EPERM || errno == EROFS); int d = open("d", O_RDONLY); put("d/g", "x"); T(fchmodat(d, "g", 0400, 0)); what("d/g"); T(fchmodat(open("f", O_RDONLY), "g", 0400, 0));
  T(syscall(452, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW)); T(syscall(452, AT_FDCWD, "f", 0601, AT_SYMLINK_NOFOLLOW)); what("f"); T(syscall(452, AT_FDCWD, "l", 0602, 0)); what("f"); T(syscall(452, d, "", 0700, AT_EMPTY_PATH)); what("d"); T(syscall(452, AT_FDCWD, "f", 0600, 0x8000)); T(syscall(452, -1, "", 0600, AT_EMPTY_PATH)); T(syscall(452, AT_FDCWD, "", 0600, 0)); T(syscall(452, AT_FDCWD, NULL, 0600, AT_EMPTY_PATH));
  chmod(".", 0777); put("mine", "x"); chown("mine", 12345, 12345); put("theirs", "x"); chmod("theirs", 0666); put("foreign-group", "x"); chown("foreign-group", 12345, 54321); mkdir("foreign-dir", 0755); chown("foreign-dir", 12345, 54321); mkdir("closed", 0700); put("closed/f", "x"); AS_USER(user);
  struct stat a, b; put("t", "x"); struct timespec o[2] = {{1, 2}, {3, 4}}; utimensat(AT_FDCWD, "t", o, 0); stat("t", &a); usleep(20000); T(chmod("t", 0600)); stat("t", &b); IS(a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_atim.tv_nsec == b.st_atim.tv_nsec); IS(a.st_ctim.tv_sec < b.st_ctim.tv_sec || a.st_ctim.tv_nsec < b.st_ctim.tv_nsec);
}
