/* exit, exit_group, fatal signals: what the parent sees; threads and the leader's end. */
// flags: -pthread
#include "check.h"
#include <pthread.h>
static void *group_exit(void *a) { syscall(SYS_exit_group, 23); return 0; }
static void *thread_exit(void *a) { usleep(3000); syscall(SYS_exit, 9); return 0; }
static void *slow(void *a) { usleep(5000); puts("slow thread"); fflush(stdout); _exit(31); }
static void from_thread(void) { pthread_t t; pthread_create(&t, 0, group_exit, 0); pause(); }
static void one_thread_exits(void) { pthread_t t; pthread_create(&t, 0, thread_exit, 0); usleep(8000); _exit(12); }
static void leader_exits(void) { pthread_t t; pthread_create(&t, 0, slow, 0); syscall(SYS_exit, 77); }
static void exit_256(void) { syscall(SYS_exit_group, 256); }
static void exit_negative(void) { syscall(SYS_exit_group, -1); }
static void exit_big(void) { syscall(SYS_exit, 0x12345); }
static void aborts(void) { abort(); }
static void killed(void) { kill(getpid(), SIGKILL); }
static void at_exit_h(void) { puts("atexit"); }
static void normal(void) { atexit(at_exit_h); exit(4); }
static void segv(void) { *(volatile int *)0 = 1; }
static void blocked_segv(void) { sigset_t m; sigfillset(&m); sigprocmask(SIG_SETMASK, &m, 0); *(volatile int *)0 = 1; }
static void ignored_segv(void) { signal(SIGSEGV, SIG_IGN); *(volatile int *)0 = 1; }
static void ignored_fpe(void) { signal(SIGFPE, SIG_IGN); volatile int z = 0; z = 1 / z; }
static void no_stack(void) { __asm__ volatile("mov $8, %rsp\n push %rax"); }
static void raise_sig(int s) { fflush(stdout); pid_t p = fork(); if (p == 0) { struct rlimit r = {0, 0}; setrlimit(RLIMIT_CORE, &r); signal(s, SIG_DFL); kill(getpid(), s); usleep(100); _exit(0); } int st; waitpid(p, &st, WUNTRACED); printf("signal %d: %s %d\n", s, WIFSIGNALED(st) ? "killed by" : WIFSTOPPED(st) ? "stopped by" : "exit", WIFSIGNALED(st) ? WTERMSIG(st) : WIFSTOPPED(st) ? WSTOPSIG(st) : WEXITSTATUS(st)); if (WIFSTOPPED(st)) { kill(p, SIGKILL); waitpid(p, &st, 0); } }
int main(void) {
  struct rlimit r = {0, 0}; setrlimit(RLIMIT_CORE, &r); CHILD(from_thread); CHILD(one_thread_exits); CHILD(leader_exits); CHILD(exit_256); CHILD(exit_negative); CHILD(exit_big); CHILD(aborts); CHILD(killed); CHILD(normal); CHILD(segv); CHILD(blocked_segv); CHILD(ignored_segv); CHILD(ignored_fpe); CHILD(no_stack);
  for (int s = 1; s <= 64; s++) if (s != 32 && s != 33) raise_sig(s);
}
