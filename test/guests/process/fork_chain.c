/* Each process of a chain makes the next one, says so, and ends: somebody who only waits for the
   news gets his turn all the same, however young the chain stays. */
#include "check.h"

static void chain(int out) {
  for (;;) {
    pid_t pid = fork();
    if (pid != 0) _exit(pid < 0);
    /* Without a reader SIGPIPE ends the chain. */
    if (write(out, "x", 1) != 1) _exit(2);
  }
}

int main(void) {
  int ends[2];
  char byte;
  int heard = 0;
  T(pipe(ends));
  fflush(stdout);
  pid_t first = fork();
  if (first == 0) {
    close(ends[0]);
    chain(ends[1]);
  }
  close(ends[1]);
  T(waitpid(first, NULL, 0) == first);
  for (int i = 0; i < 50; i++) heard += read(ends[0], &byte, 1) == 1;
  T(heard);
  T(close(ends[0]));
  return 0;
}
