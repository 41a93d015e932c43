#include "check.h"
#include <spawn.h>
extern char **environ;
int main(int c, char **v) {
  if (c > 1) { printf("spawned %s\n", v[1]); return 6; } volatile int x = 1; int s; fflush(stdout); pid_t k = vfork(); if (!k) { x = 2; _exit(3); } T(x); waitpid(k, &s, 0); T(WEXITSTATUS(s)); pid_t p; char *a[] = {v[0], "here", 0}; posix_spawn_file_actions_t fa; posix_spawn_file_actions_init(&fa); posix_spawn_file_actions_addopen(&fa, 1, "out", O_CREAT | O_WRONLY, 0600); T(posix_spawn(&p, v[0], &fa, 0, a, environ)); waitpid(p, &s, 0); T(WEXITSTATUS(s)); char b[64] = {0}; int f = open("out", O_RDONLY); read(f, b, 63); printf("%s", b); T(posix_spawn(&p, "/absent", 0, 0, a, environ)); k = vfork(); if (!k) { execl("/absent", "x", (char *)0); _exit(errno == ENOENT ? 11 : 12); } waitpid(k, &s, 0); T(WEXITSTATUS(s)); T(system("exit 3") >> 8); FILE *q = popen("echo from popen; exit 2", "r"); fgets(b, 64, q); printf("%s", b); T(pclose(q) >> 8);
}
