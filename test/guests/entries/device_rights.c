#include "files.h"
static void user(void) { T(mknod("c", S_IFCHR | 0600, 0x103)); T(mknod("b", S_IFBLK | 0600, 0x103)); T(mknod("white", S_IFCHR | 0600, 0)); T(mknod("r", S_IFREG | 0600, 0)); T(mknod("p", S_IFIFO | 0600, 0)); T(mknod("s", S_IFSOCK | 0600, 0)); T(chroot(".")); T(mkdir("dd", 0700)); unlink("white"); }
int main(void) { chmod(".", 0777); AS_USER(user); what("c"); what("white"); what("r"); what("p"); what("s"); }
