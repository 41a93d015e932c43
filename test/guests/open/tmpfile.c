#include "files.h"
int main(void) {
  umask(022); mkdir("d", 0755); put("f", "x");
  int t = open("d", O_TMPFILE | O_RDWR, 0666);
  IS(t >= 0);
  struct stat st; fstat(t, &st); HEX(st.st_mode); T(st.st_nlink); T(st.st_size);
  HEX(fcntl(t, F_GETFL) & ~O_LARGEFILE);
  T(write(t, "hidden", 6));
  char self[64]; snprintf(self, sizeof self, "/proc/self/fd/%d", t);
  T(linkat(AT_FDCWD, self, AT_FDCWD, "d/shown", AT_SYMLINK_FOLLOW));
  show("d/shown"); what("d/shown");
  T(linkat(AT_FDCWD, self, AT_FDCWD, "d/shown", AT_SYMLINK_FOLLOW));
  T(linkat(AT_FDCWD, self, AT_FDCWD, "d/again", AT_SYMLINK_FOLLOW));
  T(unlink("d/again")); T(unlink("d/shown")); fstat(t, &st); T(st.st_nlink);
  T(linkat(AT_FDCWD, self, AT_FDCWD, "d/back", AT_SYMLINK_FOLLOW));
  T(pread(t, self, 6, 0)); close(t);
  int x = open("d", O_TMPFILE | O_RDWR | O_EXCL, 0600); IS(x >= 0);
  snprintf(self, sizeof self, "/proc/self/fd/%d", x);
  T(linkat(AT_FDCWD, self, AT_FDCWD, "d/excl", AT_SYMLINK_FOLLOW));
  if (getuid() == 0) T(linkat(x, "", AT_FDCWD, "d/excl2", AT_EMPTY_PATH));
  int w = open("d", O_TMPFILE | O_WRONLY, 0); IS(w >= 0); fstat(w, &st); HEX(st.st_mode); T(read(w, self, 1)); T(write(w, "y", 1));
  if (getuid() == 0) { T(linkat(w, "", AT_FDCWD, "d/empty", AT_EMPTY_PATH)); what("d/empty"); }
  T(fchmod(w, 0604)); what("d/empty"); T(ftruncate(w, 100)); what("d/empty");
  T(open("f", O_TMPFILE | O_RDWR, 0600)); T(open("absent", O_TMPFILE | O_RDWR, 0600)); T(open("d", O_TMPFILE, 0600));
  T(open("d", O_TMPFILE | O_RDWR | O_CREAT, 0600)); T(open("d/", O_TMPFILE | O_RDWR, 0600) >= 0);
  symlink("d", "ld"); TRY(open("ld", O_TMPFILE | O_RDWR, 0600)); TRY(open("ld", O_TMPFILE | O_RDWR | O_NOFOLLOW, 0600));
  for (int i = 0; i < 3; i++) IS(open(".", O_TMPFILE | O_RDWR, 0600) >= 0);
  TRY(open("/proc", O_TMPFILE | O_RDWR, 0600));
  int s = open("/dev/shm", O_TMPFILE | O_RDWR, 0600); IS(s >= 0); T(write(s, "shm", 3));
  snprintf(self, sizeof self, "/proc/self/fd/%d", s); T(linkat(AT_FDCWD, self, AT_FDCWD, "d/other-fs", AT_SYMLINK_FOLLOW));
}
