/* sigaltstack(2): refusals, flags inside handlers, autodisarm, too small stacks, nesting, fork and threads. */
#include "check.h"
#include <pthread.h>
// flags: -pthread
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif
static char big[65536], small[4096]; static volatile int on, flags_in, change_errno, depth;
static int inside(void *p) { return (char *)p >= big && (char *)p < big + sizeof big; }
static void h(int s, siginfo_t *i, void *u) { int x; on = inside(&x); stack_t o, n = {.ss_sp = small, .ss_size = 4096}; sigaltstack(0, &o); flags_in = o.ss_flags; errno = 0; change_errno = sigaltstack(&n, 0) ? errno : 0; ucontext_t *c = u; printf("uc_stack flags %#x size %ld\n", c->uc_stack.ss_flags, (long)c->uc_stack.ss_size); }
static void nested(int s) { int x; printf("depth %d on alternate %d\n", depth, inside(&x)); if (depth++ < 2) raise(s); depth--; }
static void *thread(void *a) { stack_t o; sigaltstack(0, &o); T(o.ss_flags); return 0; }
static void overflow(int s) { volatile char a[512]; a[0] = s; if (a[0]) overflow(s); }
static void segv(int s) { int x; printf("overflow handled on alternate %d\n", inside(&x)); fflush(stdout); _exit(3); }
static void deep(void) { stack_t n = {.ss_sp = big, .ss_size = sizeof big}; sigaltstack(&n, 0); struct sigaction a = {.sa_handler = segv, .sa_flags = SA_ONSTACK}; sigaction(SIGSEGV, &a, 0); overflow(1); }
static void deep_without(void) { signal(SIGSEGV, segv); overflow(1); }
static void bad_stack(void) { stack_t n = {.ss_sp = (void *)0x1000, .ss_size = 65536}; sigaltstack(&n, 0); struct sigaction a = {.sa_handler = segv, .sa_flags = SA_ONSTACK}; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); }
int main(void) {
  stack_t o, n = {.ss_sp = big, .ss_size = sizeof big}; T(sigaltstack(0, &o)); T(o.ss_flags); n.ss_size = 2047; T(sigaltstack(&n, 0)); n.ss_size = 2048; IS(sigaltstack(&n, 0) == 0 || errno == ENOMEM); n.ss_size = sizeof big; n.ss_flags = 99; T(sigaltstack(&n, 0)); n.ss_flags = 8; T(sigaltstack(&n, 0)); T(sigaltstack((void *)8, 0)); T(sigaltstack(0, (void *)8)); n.ss_flags = SS_ONSTACK; T(sigaltstack(&n, &o)); n.ss_flags = 0; T(sigaltstack(&n, &o)); HEX(o.ss_flags); sigaltstack(0, &o); IS(o.ss_sp == big); T(o.ss_size); T(o.ss_flags);
  struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_ONSTACK}; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); T(on); HEX(flags_in); T(change_errno); a.sa_flags = SA_SIGINFO; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); T(on); HEX(flags_in); T(change_errno); sigaltstack(&n, 0);
  n.ss_flags = SS_AUTODISARM; T(sigaltstack(&n, 0)); sigaltstack(0, &o); HEX(o.ss_flags); a.sa_flags = SA_SIGINFO | SA_ONSTACK; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); T(on); HEX(flags_in); T(change_errno); sigaltstack(0, &o); HEX(o.ss_flags); IS(o.ss_sp == big); n.ss_flags = 0; sigaltstack(&n, 0);
  struct sigaction b = {.sa_handler = nested, .sa_flags = SA_ONSTACK | SA_NODEFER}; sigaction(SIGUSR2, &b, 0); raise(SIGUSR2); pthread_t t; pthread_create(&t, 0, thread, 0); pthread_join(t, 0); fflush(stdout); if (fork() == 0) { sigaltstack(0, &o); IS(o.ss_sp == big); T(o.ss_flags); _exit(0); } wait(0); n.ss_flags = SS_DISABLE; T(sigaltstack(&n, &o)); T(o.ss_flags); sigaltstack(0, &o); T(o.ss_flags); IS(o.ss_sp == 0); T(o.ss_size);
  struct rlimit r = {0, 0}; setrlimit(RLIMIT_CORE, &r); struct rlimit sl = {1 << 20, 1 << 20}; setrlimit(RLIMIT_STACK, &sl); CHILD(deep); CHILD(deep_without); CHILD(bad_stack);
}
