#include "files.h"
#include <sys/xattr.h>
#include <sys/file.h>
#include <poll.h>
int main(void) {
  put("f", "content"); mkdir("d", 0755); put("d/g", "g"); symlink("f", "l"); mkfifo("p", 0600);
  int p = open("f", O_PATH), l = open("l", O_PATH | O_NOFOLLOW), d = open("d", O_PATH), q = open("p", O_PATH);
  char b[16] = {0};
  struct stat st;
  IS(p >= 0 && l >= 0 && d >= 0 && q >= 0);
  HEX(fcntl(p, F_GETFL)); HEX(fcntl(l, F_GETFL)); HEX(fcntl(d, F_GETFL));
  T(read(p, b, 1)); T(write(p, b, 1)); T(pread(p, b, 1, 0)); T(lseek(p, 0, SEEK_SET));
  T(ftruncate(p, 0)); T(fallocate(p, 0, 0, 1)); T(fsync(p)); T(ioctl(p, FIONREAD, b));
  T(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, p, 0) == MAP_FAILED);
  T(fchmod(p, 0600)); T(fchown(p, -1, -1)); T(futimens(p, NULL)); T(flock(p, LOCK_SH));
  T(fgetxattr(p, "user.a", b, 8)); T(fsetxattr(p, "user.a", b, 1, 0)); T(flistxattr(p, b, 8));
  T(fcntl(p, F_SETFL, O_APPEND)); T(fcntl(p, F_GETLK, b)); T(fcntl(p, F_SETOWN, getpid())); T(fcntl(p, F_GETFD));
  T(fcntl(p, F_SETFD, FD_CLOEXEC)); T(fcntl(p, F_GETFD));
  T(fstat(p, &st)); T(st.st_size); T(fstat(l, &st)); IS(S_ISLNK(st.st_mode));
  T(readlinkat(l, "", b, 16)); b[1] = 0; T(strcmp(b, "f")); T(readlinkat(p, "", b, 16));
  T(fchdir(p)); T(fchdir(d)); T(chdir("..")); TRY(openat(d, "g", O_RDONLY)); T(getdents64(d, b, 16));
  T(fchmodat(AT_FDCWD, "f", 0640, 0));
  T(fchownat(p, "", -1, -1, AT_EMPTY_PATH)); T(faccessat(p, "", R_OK, AT_EMPTY_PATH));
  T(linkat(AT_FDCWD, "f", AT_FDCWD, "f2", 0));
  T(syscall(452, p, "", 0604, AT_EMPTY_PATH)); what("f");
  char self[64]; snprintf(self, sizeof self, "/proc/self/fd/%d", p);
  int again = open(self, O_RDWR); IS(again >= 0); T(read(again, b, 7)); T(fchmod(again, 0600)); what("f");
  T(truncate(self, 3)); what("f"); T(chmod(self, 0644)); what("f");
  int e = dup(p); IS(e > p); HEX(fcntl(e, F_GETFL)); T(close(e));
  struct pollfd pf = {q, POLLIN, 0}; T(poll(&pf, 1, 0)); T(pf.revents);
  TRY(open("l", O_PATH)); TRY(open("absent", O_PATH)); TRY(open("f", O_PATH | O_DIRECTORY)); TRY(open("f", O_PATH | O_CREAT | O_EXCL, 0600));
  unlink("f"); unlink("f2"); T(fstat(p, &st)); T(st.st_nlink);
  T(openat(p, "x", O_RDONLY));
}
