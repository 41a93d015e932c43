/* F_NOTIFY: a signal when what is in a directory changes; once, or each time; which descriptor, whose. */
#include "check.h"
static volatile sig_atomic_t n, fd, code, plain;
static void rt(int s, siginfo_t *i, void *u) { n++; fd = i->si_fd; code = i->si_code; }
static void io(int s) { plain++; }
static int d;
#define SEEN(what) do { what; printf("%s: %d%s code %d, SIGIO %d\n", #what, n, n && fd != d ? " of another" : "", code, plain); fflush(stdout); n = code = plain = 0; } while (0)
int main(void) {
  struct sigaction a = {.sa_sigaction = rt, .sa_flags = SA_SIGINFO}; sigaction(SIGRTMIN, &a, 0); signal(SIGIO, io); char b[64];
  T(mkdir("d", 0755)); T(mkdir("e", 0755)); d = open("d", O_RDONLY | O_DIRECTORY); int f = open("f", O_CREAT | O_RDWR, 0644), p = open("d", O_PATH);
  T(fcntl(f, F_NOTIFY, DN_CREATE)); T(fcntl(p, F_NOTIFY, DN_CREATE)); T(fcntl(d, F_NOTIFY, 0)); T(fcntl(f, F_NOTIFY, 0)); T(fcntl(999, F_NOTIFY, DN_CREATE));
  T(fcntl(d, F_NOTIFY, DN_CREATE)); IS(fcntl(d, F_GETOWN) == getpid()); SEEN(close(creat("d/a", 0644))); SEEN(close(creat("d/b", 0644)));
  T(fcntl(d, F_SETSIG, SIGRTMIN)); T(fcntl(d, F_NOTIFY, DN_CREATE | DN_MULTISHOT)); SEEN(close(creat("d/c", 0644))); SEEN(mkdir("d/g", 0755)); SEEN(close(creat("d/c", 0644))); SEEN(rename("f", "d/f")); SEEN(link("d/f", "d/h")); SEEN(unlink("d/h"));
  T(fcntl(d, F_NOTIFY, DN_DELETE | DN_RENAME | DN_MULTISHOT)); SEEN(unlink("d/f")); SEEN(rename("d/a", "d/a2")); SEEN(rename("d/a2", "e/a")); SEEN(rename("e/a", "d/a")); SEEN(rmdir("d/g"));
  T(fcntl(d, F_NOTIFY, DN_MULTISHOT)); SEEN(unlink("d/a")); T(fcntl(d, F_NOTIFY, DN_ATTRIB | DN_MODIFY | DN_ACCESS | DN_MULTISHOT)); f = open("d/b", O_RDWR); SEEN(write(f, "xy", 2)); SEEN(pread(f, b, 2, 0)); SEEN(fchmod(f, 0600)); SEEN(ftruncate(f, 1)); SEEN(chmod("d", 0711)); SEEN(chmod("e", 0711)); int g = open("d", O_RDONLY); SEEN(syscall(SYS_getdents64, g, b, 64));
  T(fcntl(d, F_NOTIFY, 0)); SEEN(fchmod(f, 0640)); T(fcntl(g, F_NOTIFY, DN_ATTRIB)); SEEN(fchmod(f, 0600)); T(fcntl(g, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT)); close(dup(g)); SEEN(fchmod(f, 0640)); T(fcntl(g, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT)); SEEN(fchmod(f, 0640)); pid_t c = fork(); if (c == 0) { close(g); _exit(0); } waitpid(c, 0, 0); SEEN(fchmod(f, 0640)); close(g); SEEN(fchmod(f, 0640));
}
