/* IPC objects counted by control calls, by their indices, and in /proc/sysvipc; who attached a segment last. */
#include "check.h"
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>

static long column(const char *path, int wanted, int *lines) {
  char line[500];
  long sum = 0;
  FILE *file = fopen(path, "r");
  fgets(line, sizeof line, file);
  for (*lines = 0; fgets(line, sizeof line, file); ++*lines) { long at[5] = {0}; sscanf(line, "%ld %ld %ld %ld %ld", at, at + 1, at + 2, at + 3, at + 4); sum += at[wanted]; }
  fclose(file);
  return sum;
}

int main(void) {
  int sets[3], lines, listed = 0, any = 0, mine = 0;
  struct semid_ds set;
  struct seminfo use;
  for (int i = 0; i < 3; i++) sets[i] = semget(IPC_PRIVATE, 3 + i, 0600);
  T(semctl(sets[1], 0, IPC_RMID));
  int highest = semctl(0, 0, SEM_INFO, &use);
  for (int i = 0; i <= highest; i++) { int id = semctl(i, 0, SEM_STAT, &set); listed += id >= 0; mine += id == sets[0] || id == sets[2]; any += semctl(i, 0, SEM_STAT_ANY, &set) >= 0; }
  long sum = column("/proc/sysvipc/sem", 3, &lines);
  T(mine); IS(use.semusz >= 2 && use.semaem >= 8); IS(listed == any);
  /* Others may make sets meanwhile. */
  for (int i = 0; i < 50 && (use.semusz != lines || use.semaem != sum); i++) { usleep(1000); semctl(0, 0, SEM_INFO, &use); sum = column("/proc/sysvipc/sem", 3, &lines); }
  IS(use.semusz == lines); IS(use.semaem == sum);
  semctl(0, 0, IPC_INFO, &use); T(use.semusz); T(use.semaem);
  if (geteuid() == 0) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { setgid(65534); setuid(65534); T(semctl(sets[0], 0, IPC_STAT, &set)); for (int i = 0; i <= highest; i++) if (semctl(i, 0, SEM_STAT_ANY, &set) == sets[0]) printf("any: %ld\n", (long)set.sem_nsems); fflush(stdout); _exit(0); }
    waitpid(child, 0, 0);
  }
  semctl(sets[0], 0, IPC_RMID); semctl(sets[2], 0, IPC_RMID);
  int id = shmget(IPC_PRIVATE, 5000, 0600), found = 0;
  struct shmid_ds segment;
  struct shm_info memory;
  highest = shmctl(0, SHM_INFO, (void *)&memory);
  for (int i = 0; i <= highest; i++) found += shmctl(i, SHM_STAT_ANY, &segment) == id;
  T(found);
  char *place = shmat(id, 0, 0);
  shmctl(id, IPC_STAT, &segment); IS(segment.shm_lpid == getpid()); T(segment.shm_dtime);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) { shmctl(id, IPC_STAT, &segment); T(segment.shm_nattch); IS(segment.shm_lpid == getppid()); fflush(stdout); _exit(0); }
  waitpid(child, 0, 0);
  shmctl(id, IPC_STAT, &segment); T(segment.shm_nattch); IS(segment.shm_lpid == child); IS(segment.shm_dtime >= segment.shm_atime && segment.shm_atime > 0);
  T(shmdt(place)); shmctl(id, IPC_STAT, &segment); IS(segment.shm_lpid == getpid()); T(shmctl(id, IPC_RMID, 0));
}
