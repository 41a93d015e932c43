// alone
/* pivot_root(2): what it refuses, and what is seen where afterwards. In a mount namespace of its own where there are some. */
#include "check.h"
#include <sys/mount.h>
static int is_cloister(void) { char b[200] = ""; int f = open("/proc/version", O_RDONLY); read(f, b, 199); close(f); return strstr(b, "(cloister)") != 0; }
static long pivot(const char *n, const char *o) { return syscall(SYS_pivot_root, n, o); }
static void plain(void) { setgid(65534); setuid(65534); T(pivot("new", "new/old")); T(pivot("nothing", "nothing")); }
int main(void) {
  CHILD(plain);
  if (!is_cloister() && unshare(CLONE_NEWNS)) return 0;
  if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) || mkdir("new", 0755) || mount("t", "new", "tmpfs", 0, 0)) return 0;
  mkdir("new/old", 0755);
  close(open("new/file", O_CREAT | O_WRONLY, 0644));
  T(pivot("nothing", "new/old"));
  T(pivot("new", "nothing"));
  T(pivot("new/file", "new/old"));
  T(pivot("new/old", "new/old"));
  T(pivot("/", "new/old"));
  T(pivot("new", "/"));
  T(chdir("new"));
  T(pivot(".", "old"));
  T(access("/file", F_OK));
  T(access("/old/bin", F_OK));
  T(access("/bin", F_OK));
  char b[200];
  printf("%s\n", getcwd(b, 200));
  T(chdir("/"));
  printf("%s\n", getcwd(b, 200));
  T(chdir(".."));
  printf("%s\n", getcwd(b, 200));
  T(access("old/proc/self/mounts", R_OK));
  FILE *f = fopen("/old/proc/self/mountinfo", "r");
  char line[600], at[300];
  int roots = 0, olds = 0;
  while (f && fgets(line, 600, f)) if (sscanf(line, "%*s %*s %*s %*s %299s", at) == 1) { if (!strcmp(at, "/")) roots++; if (!strcmp(at, "/old")) olds++; }
  if (f) fclose(f);
  printf("%d at /, %d at /old\n", roots, olds);
  T(umount2("/old", 0));
  T(umount2("/old", MNT_DETACH));
  T(access("/old/bin", F_OK));
  T(access("/file", F_OK));
}
