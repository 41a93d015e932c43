/* personality(2): READ_IMPLIES_EXEC in mmap, mprotect, brk and shmat, ADDR_NO_RANDOMIZE over execve. */
#include "check.h"
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/mman.h>

static void rights(const char *what, void *at) {
  FILE *f = fopen("/proc/self/maps", "r");
  char line[300];
  unsigned long start, end;
  char prot[5];
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%lx-%lx %4s", &start, &end, prot) == 3 && start <= (unsigned long)at && (unsigned long)at < end) printf("%s %s\n", what, prot);
  fclose(f);
}

static void runs(const char *what, unsigned char *at) {
  at[0] = 0xb8; at[1] = 42; at[2] = at[3] = at[4] = 0; at[5] = 0xc3;
  printf("%s gives %d\n", what, ((int (*)(void))at)());
}

int main(int argc, char **argv) {
  if (argc > 1) {
    int here;
    printf("%s: persona %x heap %lx stack %lx\n", argv[1], personality(0xffffffff), (unsigned long)sbrk(0), (unsigned long)&here);
    return 0;
  }
  T(personality(0xffffffff));
  T(personality(READ_IMPLIES_EXEC));
  HEX(personality(0xffffffff));
  void *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *n = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *w = mmap(0, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  rights("rw", m); rights("none", n); rights("w", w);
  runs("rw", m);
  T(mprotect(n, 4096, PROT_READ | PROT_WRITE)); rights("none to rw", n); runs("none to rw", n);
  T(mprotect(m, 4096, PROT_READ)); rights("rw to r", m);
  T(mprotect(m, 4096, PROT_NONE)); rights("rw to none", m);
  int fd = open("f", O_RDWR | O_CREAT, 0600); ftruncate(fd, 4096);
  rights("file", mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0));
  char *top = sbrk(0); top += -(unsigned long)top & 4095; brk(top + 8192); rights("heap", top + 4096); runs("heap", (unsigned char *)top + 4096);
  int id = shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT); void *s = shmat(id, 0, 0); rights("shm", s); runs("shm", s); shmctl(id, IPC_RMID, 0);
  T(personality(0)); m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); rights("after", m);

  /* Two programs lie in the same places, and the flag for rights goes with the program. */
  char one[200] = "", two[200] = "";
  for (int i = 0; i < 2; i++) {
    int p[2]; pipe(p); fflush(stdout);
    if (fork() == 0) { dup2(p[1], 1); personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC); execl("/proc/self/exe", "self", "placed", NULL); _exit(1); }
    close(p[1]); wait(0); read(p[0], i ? two : one, 199); close(p[0]);
  }
  printf("%.21s\n", one);
  IS(strcmp(one, two) == 0);
}
