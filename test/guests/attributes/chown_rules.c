#include "files.h"
static void owner(const char *n) { struct stat s; if (lstat(n, &s)) printf("%s: %s\n", n, strerrorname_np(errno)); else printf("%s: %d:%d %o\n", n, getuid() ? -1 : s.st_uid, getuid() ? -1 : s.st_gid, s.st_mode); }
static void shown(const char *n) { struct stat s; lstat(n, &s); printf("%s: %d:%d %o\n", n, s.st_uid, s.st_gid, s.st_mode); }
static void user(void) {
  T(chown("mine", -1, -1)); T(chown("mine", 12345, -1)); T(chown("mine", 12345, 12345)); T(chown("mine", 0, -1)); T(chown("mine", -1, 0)); T(chown("mine", -1, 777)); T(chown("theirs", -1, -1)); T(chown("theirs", -1, 12345)); T(chown("theirs", 12345, -1)); T(lchown("ml", -1, 12345)); int fd = open("mine", O_RDONLY); T(fchown(fd, -1, 12345)); T(fchown(fd, 1, -1)); T(chown("suid", -1, -1)); shown("suid"); T(chmod("suid", 06755)); T(chown("suid", 12345, 12345)); shown("suid");
}
static void groups(void) { gid_t g[] = {777}; if (getuid() == 0) { setgroups(1, g); setresgid(12345, 12345, 12345); setresuid(12345, 12345, 12345); } T(chown("mine", -1, 777)); shown("mine"); T(chown("mine", -1, 778)); T(chown("mine", -1, 12345)); shown("mine"); }
int main(void) {
  umask(0); chmod(".", 0777); put("f", "x"); mkdir("d", 0755); symlink("f", "l"); symlink("absent", "dead"); symlink("loop", "loop"); mkfifo("p", 0600);
  if (getuid()) { T(chown("f", getuid(), -1)); T(chown("f", 0, -1)); return 0; }
  T(chown("f", 1000, 2000)); owner("f"); T(chown("f", -1, 3000)); owner("f"); T(chown("f", 1001, -1)); owner("f"); T(chown("f", -1, -1)); owner("f"); T(chown("l", 5, 6)); owner("l"); owner("f"); T(lchown("l", 7, 8)); owner("l"); owner("f"); T(chown("dead", 1, 1)); T(lchown("dead", 1, 1)); owner("dead"); T(chown("absent", 1, 1)); T(chown("f/x", 1, 1)); T(chown("loop", 1, 1)); T(lchown("loop", 1, 2)); owner("loop"); T(chown("", 1, 1)); T(chown(NULL, 1, 1)); T(chown("d", 11, 12)); owner("d"); T(chown("p", 13, 14)); owner("p");
  T(fchown(open("f", O_RDONLY), 20, 21)); owner("f"); T(fchown(-1, 1, 1)); T(fchownat(AT_FDCWD, "l", 30, 31, AT_SYMLINK_NOFOLLOW)); owner("l"); T(fchownat(AT_FDCWD, "l", 32, 33, 0)); owner("f"); T(fchownat(open("f", O_PATH), "", 34, 35, AT_EMPTY_PATH)); owner("f"); T(fchownat(AT_FDCWD, "f", 1, 1, 0x8000)); T(fchownat(-1, "f", 1, 1, 0)); T(fchownat(open("l", O_PATH | O_NOFOLLOW), "", 36, 37, AT_EMPTY_PATH)); owner("l"); T(fchownat(AT_FDCWD, "", 1, 1, 0)); T(fchownat(AT_FDCWD, "", -1, -1, AT_EMPTY_PATH)); int pp[2]; pipe(pp); T(fchown(pp[0], 5, 5));
  T(chown("f", 0x7fffffff, 0x7ffffffe)); owner("f"); T(chown("f", 0xfffffffe, 0xfffffffe)); owner("f");
  static const int modes[] = {06777, 04755, 02755, 02745, 06711, 04644, 01777}; for (int i = 0; i < 7; i++) { chmod("f", modes[i]); T(chown("f", 100 + i, 100)); owner("f"); chmod("d", modes[i]); T(chown("d", 100 + i, 100)); owner("d"); chmod("f", modes[i]); T(chown("f", -1, -1)); owner("f"); }
  put("mine", "x"); chown("mine", 12345, 12345); put("theirs", "x"); symlink("mine", "ml"); lchown("ml", 12345, 12345); put("suid", "x"); chown("suid", 12345, 12345); chmod("suid", 06755); AS_USER(user); CHILD(groups);
  struct stat a, b; stat("f", &a); usleep(20000); T(chown("f", -1, -1)); stat("f", &b); IS(a.st_ctim.tv_nsec != b.st_ctim.tv_nsec);
  chown("f", 0, 0); chown("d", 0, 0); chown("p", 0, 0); chown("mine", 0, 0); chown("suid", 0, 0);
}
