/* Events: fork, vfork, clone, exec, exit; children that are traced from their first instruction. */
#include "ptrace/trace.h"
static unsigned long msg(pid_t pid) { unsigned long m = 0; ptrace(PTRACE_GETEVENTMSG, pid, 0, &m); return m; }
static pid_t start(void (*body)(void), long options) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); body(); _exit(6); }
  seen("start", pid);
  T(ptrace(PTRACE_SETOPTIONS, pid, 0, options));
  CONT(pid, 0);
  return pid;
}
static void forks(void) { pid_t p = syscall(SYS_fork); if (p == 0) _exit(11); int s; waitpid(p, &s, 0); _exit(WEXITSTATUS(s) + 1); }
static void vforks(void) { pid_t p = vfork(); if (p == 0) _exit(12); int s; waitpid(p, &s, 0); _exit(WEXITSTATUS(s) + 1); }
static void execs(void) { execl("/bin/true", "true", NULL); _exit(99); }
static void dies(void) { raise(SIGTERM); }
static void nothing(void) {}
int main(void) {
  pid_t pid = start(forks, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT);
  seen("fork", pid);
  about(pid);
  pid_t child = msg(pid);
  seen("new child", child);
  CONT(child, 0);
  CONT(pid, 0);
  seen("child exits", child);
  printf("status %#lx\n", msg(child));
  CONT(child, 0);
  seen("child gone", child);
  seen("parent hears", pid);
  CONT(pid, SIGCHLD);
  seen("parent exits", pid);
  CONT(pid, 0);
  seen("parent gone", pid);
  pid = start(vforks, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
  seen("vfork", pid);
  child = msg(pid);
  seen("new child", child);
  CONT(pid, 0);
  CONT(child, 0);
  int s, done = 0, gone = 0;
  seen("child gone", child);
  s = seen("done", pid);
  if (s >> 16 == PTRACE_EVENT_VFORK_DONE) { IS(msg(pid) == child); CONT(pid, 0); s = seen("after", pid); }
  if (WIFSTOPPED(s)) { CONT(pid, 0); seen("gone", pid); }
  pid = start(execs, PTRACE_O_TRACEEXEC);
  seen("exec", pid);
  IS(msg(pid) == pid);
  CONT(pid, 0);
  seen("gone", pid);
  pid = start(execs, 0);
  seen("exec by signal", pid);
  about(pid);
  CONT(pid, 0);
  seen("gone", pid);
  pid = start(dies, PTRACE_O_TRACEEXIT);
  seen("signal", pid);
  CONT(pid, SIGTERM);
  seen("exits", pid);
  printf("status %#lx\n", msg(pid));
  CONT(pid, 0);
  seen("gone", pid);
  /* The tracer ends: with EXITKILL its tracees do, too. */
  int p[2];
  pipe(p);
  for (int kills = 0; kills < 2; kills++) {
    fflush(stdout);
    if (fork() == 0) {
      pid_t t = fork();
      if (t == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); write(p[1], "lives", 5); _exit(0); }
      waitpid(t, &s, 0);
      ptrace(PTRACE_SETOPTIONS, t, 0, kills ? PTRACE_O_EXITKILL : 0);
      _exit(0);
    }
    wait(&s);
    usleep(50000);
    char b[9] = "";
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    read(p[0], b, 8);
    printf("kills %d: %s\n", kills, b);
    fflush(stdout);
  }
}
