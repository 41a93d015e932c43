#include "check.h"
#include <poll.h>
#include <sys/signalfd.h>
int main(void) { sigset_t m; sigemptyset(&m); sigaddset(&m, SIGUSR1); sigaddset(&m, SIGRTMIN); sigprocmask(SIG_BLOCK, &m, 0); int f = signalfd(-1, &m, SFD_NONBLOCK); struct signalfd_siginfo i[4]; T(read(f, i, sizeof i)); raise(SIGUSR1); struct pollfd p = {f, POLLIN}; T(poll(&p, 1, 0)); T(read(f, i, sizeof i)); T(i[0].ssi_signo); T(i[0].ssi_code); sigqueue(getpid(), SIGRTMIN, (union sigval){5}); sigqueue(getpid(), SIGRTMIN, (union sigval){6}); T(read(f, i, sizeof i)); T(i[0].ssi_int); T(i[1].ssi_int); T(read(f, i, 4)); sigdelset(&m, SIGUSR1); T(signalfd(f, &m, 0) == f); raise(SIGUSR1); T(read(f, i, sizeof i)); T(signalfd(1, &m, 0)); T(signalfd(-1, &m, 99)); }
