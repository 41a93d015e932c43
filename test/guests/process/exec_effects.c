/* What execve(2) keeps and what it resets; argv, envp and the auxiliary vector of the new program. */
#include "check.h"
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
static void h(int s) {}
int main(int argc, char **argv, char **envp) {
  if (argc > 1 && !strcmp(argv[1], "second")) {
    struct sigaction a; sigset_t m; printf("argc %d argv0 %s last %s\n", argc, argv[0], argv[argc - 1]); int n = 0; for (char **e = envp; *e; e++) printf("env[%d] %s\n", n++, *e); IS((char *)envp > argv[0] || 1); IS(argv[argc] == 0);
    sigaction(SIGUSR1, 0, &a); IS(a.sa_handler == SIG_DFL); sigaction(SIGUSR2, 0, &a); IS(a.sa_handler == SIG_IGN); HEX(a.sa_flags & ~0x04000000); sigprocmask(0, 0, &m); T(sigismember(&m, SIGHUP)); T(sigismember(&m, SIGUSR1)); sigpending(&m); T(sigismember(&m, SIGHUP));
    stack_t s; sigaltstack(0, &s); T(s.ss_flags == SS_DISABLE); T(fcntl(40, F_GETFD)); T(fcntl(41, F_GETFD)); T(getpriority(PRIO_PROCESS, 0)); printf("umask %03o\n", umask(0)); struct itimerval it; getitimer(ITIMER_REAL, &it); IS(it.it_value.tv_sec > 50); timer_t t = (timer_t)0; struct itimerspec is; T(timer_gettime(t, &is)); char name[17] = {0}; prctl(PR_GET_NAME, name); puts(name); T(prctl(PR_GET_DUMPABLE)); int v; prctl(PR_GET_PDEATHSIG, &v); T(v); T(prctl(PR_GET_KEEPCAPS)); T(prctl(PR_GET_TIMERSLACK)); prctl(PR_GET_CHILD_SUBREAPER, &v); T(v); T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); struct rlimit r; getrlimit(RLIMIT_CORE, &r); T(r.rlim_cur); HEX(personality(0xffffffff)); 
    T(getauxval(AT_PAGESZ)); T(getauxval(AT_CLKTCK)); IS(getauxval(AT_PHDR) != 0); T(getauxval(AT_PHENT)); IS(getauxval(AT_PHNUM) > 5); IS(getauxval(AT_ENTRY) != 0); IS(getauxval(AT_BASE) != 0); T(getauxval(AT_FLAGS)); IS(getauxval(AT_UID) == getuid()); IS(getauxval(AT_EGID) == getegid()); T(getauxval(AT_SECURE)); IS(getauxval(AT_RANDOM) != 0); puts((char *)getauxval(AT_EXECFN)); puts((char *)getauxval(AT_PLATFORM)); IS(getauxval(AT_HWCAP) != 0); IS(getauxval(AT_SYSINFO_EHDR) != 0); IS(getauxval(AT_MINSIGSTKSZ) >= 2048);
    IS((unsigned long)__builtin_frame_address(0) % 16 == 0); return 5;
  }
  signal(SIGUSR1, h); signal(SIGUSR2, SIG_IGN); sigset_t m; sigemptyset(&m); sigaddset(&m, SIGHUP); sigprocmask(SIG_SETMASK, &m, 0); raise(SIGHUP); static char st[20000]; stack_t s = {.ss_sp = st, .ss_size = 20000}; sigaltstack(&s, 0); int f = open("/dev/null", O_RDONLY); dup2(f, 40); dup3(f, 41, O_CLOEXEC); nice(3); umask(031); struct itimerval it = {.it_value.tv_sec = 100}; setitimer(ITIMER_REAL, &it, 0); timer_t t; struct sigevent e = {.sigev_notify = SIGEV_NONE}; timer_create(CLOCK_MONOTONIC, &e, &t); prctl(PR_SET_NAME, "changed"); prctl(PR_SET_PDEATHSIG, SIGTERM); prctl(PR_SET_KEEPCAPS, 1); prctl(PR_SET_TIMERSLACK, 12345); prctl(PR_SET_CHILD_SUBREAPER, 1); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); struct rlimit r = {0, 0}; setrlimit(RLIMIT_CORE, &r); personality(ADDR_NO_RANDOMIZE);
  char *av[] = {"renamed", "second", "", "last arg", 0}, *ev[] = {"ONE=1", "EMPTY=", "NOEQUALS", 0}; fflush(stdout); T(execve("/proc/self/exe", av, ev));
}
