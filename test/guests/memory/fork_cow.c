#include "check.h"
static int global = 1;
int main(void) {
  int local = 2, *heap = malloc(1 << 20); heap[1000] = 3; int *shared = mmap(0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0); *shared = 4; fflush(stdout);
  for (int round = 0; round < 5; round++) { pid_t k = fork(); if (!k) { global += 10; local += 10; heap[1000] += 10; (*shared) += 10; heap[5] = round; printf("child %d: %d %d %d %d\n", round, global, local, heap[1000], *shared); fflush(stdout); pid_t kk = fork(); if (!kk) { heap[1000]++; (*shared)++; _exit(heap[1000]); } int s; waitpid(kk, &s, 0); printf("grandchild exit %d, heap %d shared %d\n", WEXITSTATUS(s), heap[1000], *shared); fflush(stdout); _exit(round); } int s; waitpid(k, &s, 0); heap[1000]++; global++; printf("parent: %d %d %d %d %d exit %d\n", global, local, heap[1000], *shared, heap[5], WEXITSTATUS(s)); fflush(stdout); }
}
