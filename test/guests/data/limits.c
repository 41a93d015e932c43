#include "files.h"
static void xfsz(void) { struct rlimit l = {10, 10}; setrlimit(RLIMIT_FSIZE, &l); int fd = open("lim", O_RDWR | O_CREAT, 0600); T(write(fd, "0123456789abc", 13)); T(write(fd, "x", 1)); }
static void xfsz2(void) { struct rlimit l = {10, 10}; setrlimit(RLIMIT_FSIZE, &l); truncate("lim", 100); puts("not here"); }
static void xfsz3(void) { struct rlimit l = {10, 10}; setrlimit(RLIMIT_FSIZE, &l); int p[2]; pipe(p); T(write(p[1], "0123456789abcdef", 16)); int n = open("/dev/null", O_WRONLY); T(write(n, "0123456789abcdef", 16)); int fd = open("lim", O_RDWR | O_APPEND); T(write(fd, "x", 1)); }
static void xfsz4(void) { struct rlimit l = {0, 0}; setrlimit(RLIMIT_FSIZE, &l); signal(SIGXFSZ, SIG_IGN); int fd = open("lim", O_RDWR); T(pwrite(fd, "x", 1, 0)); T(pwrite(fd, "", 0, 0)); T(ftruncate(fd, 0)); T(ftruncate(fd, 1)); int m = memfd_create("m", 0); T(write(m, "x", 1)); T(open("newlim", O_CREAT | O_RDWR, 0600) >= 0); T(mkdir("newdir", 0700)); T(symlink("x", "newsym")); }
int main(void) { CHILD(xfsz); what("lim"); CHILD(xfsz2); what("lim"); CHILD(xfsz3); what("lim"); CHILD(xfsz4); what("lim"); }
