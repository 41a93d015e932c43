#include "files.h"
int main(void) {
  static const int masks[] = {0, 022, 077, 027, 0777, 0111};
  for (int i = 0; i < 6; i++) { char n[16]; umask(masks[i]); sprintf(n, "f%o", masks[i]); close(open(n, O_CREAT | O_RDWR, 0777)); what(n); sprintf(n, "d%o", masks[i]); mkdir(n, 0777); what(n); sprintf(n, "p%o", masks[i]); mkfifo(n, 0666); what(n); sprintf(n, "l%o", masks[i]); symlink("x", n); what(n); sprintf(n, "s%o", masks[i]); mknod(n, S_IFSOCK | 0666, 0); what(n); }
  T(umask(07777)); T(umask(-1)); T(umask(022)); mkdir("sticky", 01777); what("sticky"); mkdir("sg", 02755); what("sg"); mkdir("all", 07777); what("all"); umask(0); mkdir("all0", 07777); what("all0"); close(open("suid", O_CREAT | O_RDWR, 06777)); what("suid"); mkdir("x1", 0177777); what("x1");
  mkdir("gid", 0777); chmod("gid", 02777); if (getuid() == 0) chown("gid", 0, 4242); mkdir("gid/sub", 0700); what("gid/sub"); close(creat("gid/f", 0666)); what("gid/f"); close(creat("gid/sg", 02770)); what("gid/sg"); close(creat("gid/sgnox", 02760)); what("gid/sgnox"); symlink("x", "gid/l"); mkfifo("gid/p", 0600); struct stat s; static const char *in[] = {"gid/sub", "gid/f", "gid/l", "gid/p", "gid/sg"}; for (int i = 0; i < 5; i++) { lstat(in[i], &s); printf("%s gid same as folder: %d\n", in[i], getuid() ? -1 : s.st_gid == 4242); } int t = open("gid", O_TMPFILE | O_RDWR, 02770); fstat(t, &s); printf("tmpfile %o %d\n", s.st_mode, getuid() ? -1 : s.st_gid);
  int pid = fork(); if (!pid) { T(umask(0)); _exit(0); } waitpid(pid, 0, 0); T(umask(0)); if (getuid() == 0) chown("gid", 0, 0);
}
