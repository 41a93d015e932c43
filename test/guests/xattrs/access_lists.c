// POSIX access control lists on tmpfs: set, read, follow chmod, inherit, and decide.
#include "check.h"
#include <grp.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

struct entry { uint16_t tag, permissions; uint32_t id; };
struct list { uint32_t version; struct entry entries[6]; };
#define SIZE(count) (4 + 8 * (count))

static void show(const char *path, const char *name) {
  struct list list;
  struct stat st;
  ssize_t size = getxattr(path, name, &list, sizeof list);
  lstat(path, &st);
  printf("%s %o:", path, st.st_mode);
  if (size < 0) printf(" %s", strerrorname_np(errno));
  for (int i = 0; i < (size - 4) / 8; i++)
    printf(" %x/%o/%d", list.entries[i].tag, list.entries[i].permissions, (int)list.entries[i].id);
  printf("\n");
  fflush(stdout);
}

static void as_others(void) {
  gid_t groups[] = {2001};
  if (setgroups(1, groups) < 0 || setresgid(3000, 3000, 3000) < 0 || setresuid(1001, 1001, 1001) < 0) return;
  T(access("named", R_OK));
  T(access("named", W_OK));
  OK(open("named", O_RDONLY));
  T(access("grouped", W_OK));
  T(access("grouped", X_OK));
  T(access("masked", R_OK));
  T(access("masked", W_OK));
  T(setxattr("named", ACCESS, "", 0, 0));
}

int main(void) {
  char dir[] = "/dev/shm/acl-XXXXXX", buffer[256];
  umask(022);
  if (mkdtemp(dir) == NULL || chdir(dir) < 0 || chmod(dir, 0755) < 0) return 1;
  close(open("f", O_CREAT | O_RDWR, 0644));
  struct list full = {2, {{1, 6, -1}, {2, 7, 1001}, {4, 4, -1}, {8, 2, 2001}, {16, 7, -1}, {32, 0, -1}}};
  struct list small = {2, {{1, 7, -1}, {4, 5, -1}, {32, 1, -1}}};
  show("f", ACCESS);
  T(setxattr("f", ACCESS, &full, SIZE(6), 0));
  show("f", ACCESS);
  T(listxattr("f", buffer, sizeof buffer));
  T(chmod("f", 0604));
  show("f", ACCESS);
  T(chmod("f", 0754));
  show("f", ACCESS);
  T(setxattr("f", ACCESS, &small, SIZE(3), 0));
  show("f", ACCESS);
  T(setxattr("f", ACCESS, &full, SIZE(6), XATTR_REPLACE));
  T(removexattr("f", ACCESS));
  show("f", ACCESS);
  T(removexattr("f", ACCESS));
  T(setxattr("f", ACCESS, "junk", 4, 0));
  T(setxattr("f", ACCESS, "x", 1, 0));
  T(setxattr("f", ACCESS, &full, 9, 0));
  T(setxattr("f", ACCESS, &full, SIZE(5), 0));
  T(setxattr("f", ACCESS, &full, 4, 0));
  full.entries[0].permissions = 8;
  T(setxattr("f", ACCESS, &full, SIZE(6), 0));
  full.entries[0].permissions = 6, full.entries[4].tag = 64;
  T(setxattr("f", ACCESS, &full, SIZE(6), 0));
  full.entries[4].tag = 16;
  T(setxattr("f", DEFAULT, &full, SIZE(6), 0));
  T(setxattr("f", "system.nonsense", "x", 1, 0));
  T(getxattr("f", "system.nonsense", buffer, 9));

  T(mkdir("d", 0755));
  T(setxattr("d", DEFAULT, &full, SIZE(6), 0));
  show("d", DEFAULT);
  show("d", ACCESS);
  close(open("d/file", O_CREAT | O_RDWR, 0666));
  show("d/file", ACCESS);
  close(open("d/private", O_CREAT | O_RDWR, 0600));
  show("d/private", ACCESS);
  T(mkdir("d/dir", 0777));
  show("d/dir", ACCESS);
  show("d/dir", DEFAULT);
  T(symlink("file", "d/link"));
  T(lgetxattr("d/link", ACCESS, buffer, sizeof buffer));
  T(setxattr("d", DEFAULT, &small, SIZE(3), 0));
  close(open("d/plain", O_CREAT | O_RDWR, 0666));
  show("d/plain", ACCESS);
  T(removexattr("d", DEFAULT));
  close(open("d/after", O_CREAT | O_RDWR, 0666));
  show("d/after", ACCESS);

  close(open("named", O_CREAT | O_RDWR, 0600));
  struct list named = {2, {{1, 6, -1}, {2, 4, 1001}, {4, 7, -1}, {16, 7, -1}, {32, 7, -1}}};
  T(setxattr("named", ACCESS, &named, SIZE(5), 0));
  close(open("grouped", O_CREAT | O_RDWR, 0600));
  struct list grouped = {2, {{1, 6, -1}, {4, 0, -1}, {8, 2, 2001}, {16, 7, -1}, {32, 7, -1}}};
  T(setxattr("grouped", ACCESS, &grouped, SIZE(5), 0));
  close(open("masked", O_CREAT | O_RDWR, 0600));
  struct list masked = {2, {{1, 6, -1}, {2, 7, 1001}, {4, 7, -1}, {16, 4, -1}, {32, 7, -1}}};
  T(setxattr("masked", ACCESS, &masked, SIZE(5), 0));
  child("others", as_others);
  chdir("/");
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  return system(command);
}
