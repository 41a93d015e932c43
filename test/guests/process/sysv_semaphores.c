/* semget, semop, semctl: waiting, all or nothing, SEM_UNDO, errors. */
#include "../check.h"
#include <sys/sem.h>
int main(void) {
  int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600), st; IS(id >= 0);
  T(semctl(id, 0, SETVAL, 2)); T(semctl(id, 0, GETVAL)); T(semctl(id, 3, GETVAL)); T(semctl(id, 0, SETVAL, 40000)); T(semctl(id, 0, 99));
  struct sembuf down = {0, -1, 0}, up = {0, 1, 0}, two[2] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}}, zero = {0, 0, IPC_NOWAIT}, far = {9, 1, 0}, undo = {2, 5, SEM_UNDO};
  T(semop(id, &down, 1)); T(semop(id, two, 2)); T(semctl(id, 0, GETVAL)); T(semop(id, &zero, 1)); T(semop(id, &far, 1)); T(semop(id, &up, 0));
  struct timespec ts = {0, 20000000}; struct sembuf big = {0, -10, 0}; T(semtimedop(id, &big, 1, &ts));
  pid_t c = fork(); if (!c) { semop(id, &down, 1); semop(id, &down, 1); semop(id, &undo, 1); _exit(semctl(id, 2, GETVAL)); }
  usleep(50000); T(semctl(id, 0, GETNCNT)); T(semop(id, &up, 1)); waitpid(c, &st, 0); T(WEXITSTATUS(st)); T(semctl(id, 2, GETVAL)); IS(semctl(id, 0, GETPID) == c);
  unsigned short v[3] = {7, 8, 9}; T(semctl(id, 0, SETALL, v)); v[0] = 0; T(semctl(id, 0, GETALL, v)); T(v[0]); T(v[2]);
  struct semid_ds d; T(semctl(id, 0, IPC_STAT, &d)); T(d.sem_nsems); HEX(d.sem_perm.mode); IS(d.sem_otime > 0);
  c = fork(); if (!c) { struct sembuf w = {0, -100, 0}; int r = semop(id, &w, 1); _exit(r == -1 ? errno : 0); }
  usleep(50000); T(semctl(id, 0, IPC_RMID)); waitpid(c, &st, 0); T(WEXITSTATUS(st)); T(semop(id, &up, 1)); T(semget(0x77, 1, 0)); T(semget(IPC_PRIVATE, 0, 0600)); T(semget(IPC_PRIVATE, 99999, 0600));
}
