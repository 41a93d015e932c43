/* clone3(2): sizes, the zero rule, and refusals; CLONE_CLEAR_SIGHAND, CLONE_PIDFD, set_tid. */
#include "check.h"
#include <linux/sched.h>
static void h(int s) {}
static long c3(struct clone_args *a, size_t n) { return syscall(SYS_clone3, a, n); }
#define TRY(setup, size) do { struct { struct clone_args a; char more[64]; } x; memset(&x, 0, sizeof x); struct clone_args *a = &x.a; a->exit_signal = SIGCHLD; setup; errno = 0; long r = c3(a, size); if (r == 0) _exit(0); if (r > 0) { waitpid(r, 0, __WALL); printf("%s, %s: made\n", #setup, #size); } else printf("%s, %s: %s\n", #setup, #size, strerrorname_np(errno)); fflush(stdout); } while (0)
int main(void) {
  for (int s = 1; s < 65; s++) if (s != SIGCHLD) signal(s, SIG_IGN);
  TRY(, 64); TRY(, 63); TRY(, 72); TRY(, 80); TRY(, 88); TRY(, 0); TRY(, 4097); TRY(, 96); TRY(x.more[0] = 1, 96); TRY(x.more[0] = 1, 88);
  errno = 0; T(c3((void *)8, 64)); T(c3(0, 64));
  TRY(a->exit_signal = 65, 88); TRY(a->exit_signal = 64, 88); TRY(a->exit_signal = 0x100, 88); TRY(a->exit_signal = 0, 88);
  TRY(a->flags = CLONE_DETACHED, 88); TRY(a->flags = 17, 88); TRY(a->flags = 1ull << 40, 88); TRY(a->flags = CLONE_THREAD, 88); TRY(a->flags = CLONE_PARENT, 88); TRY(a->flags = CLONE_PARENT; a->exit_signal = 0, 88);
  TRY(a->stack = 0x1000, 88); TRY(a->stack_size = 0x1000, 88); TRY(a->flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, 88); TRY(a->flags = CLONE_SIGHAND, 88);
  TRY(a->set_tid = 0; a->set_tid_size = 1, 88); TRY(a->set_tid = (long)a; a->set_tid_size = 0, 88); TRY(a->set_tid = (long)a; a->set_tid_size = 33, 88); TRY(a->flags = CLONE_FS | CLONE_NEWNS, 88);
  TRY(a->flags = CLONE_PIDFD; a->pidfd = 8, 88); TRY(a->flags = CLONE_PARENT_SETTID; a->parent_tid = 8, 88);
  signal(SIGUSR1, h); signal(SIGUSR2, SIG_IGN); struct clone_args a = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD}; fflush(stdout); long p = c3(&a, sizeof a);
  if (p == 0) { struct sigaction s; sigaction(SIGUSR1, 0, &s); int r = s.sa_handler == SIG_DFL; sigaction(SIGUSR2, 0, &s); _exit(r * 2 + (s.sa_handler == SIG_IGN)); } int st; waitpid(p, &st, 0); T(WEXITSTATUS(st));
  int pfd = -1; struct clone_args b = {.flags = CLONE_PIDFD, .pidfd = (long)&pfd, .exit_signal = SIGCHLD}; p = c3(&b, sizeof b); if (p == 0) pause(); IS(pfd >= 0); T(syscall(SYS_pidfd_send_signal, pfd, SIGKILL, 0, 0)); siginfo_t in; T(waitid(P_PIDFD, pfd, &in, WEXITED)); T(in.si_code); T(in.si_status);
}
