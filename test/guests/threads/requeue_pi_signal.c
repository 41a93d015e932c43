// flags: -pthread
#include "../check.h"
#include <linux/futex.h>
#include <pthread.h>
/* FUTEX_WAIT_REQUEUE_PI and signals: before it was moved it goes on, afterwards it is EAGAIN. */
static int condition, lock, result, error;
static volatile int seen, is_waiting;
static void handler(int sig) { seen++; }
static void *waiter(void *arg) {
  is_waiting = syscall(SYS_gettid);
  result = syscall(SYS_futex, &condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock, 0);
  error = errno;
  return NULL;
}
static void settle(void) {
  char path[64], state = 0;
  do {
    usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", is_waiting);
    FILE *f = fopen(path, "r");
    if (f != NULL) fscanf(f, "%*d (%*[^)]) %c", &state), fclose(f);
  } while (is_waiting == 0 || state != 'S');
}
int main(void) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  lock = syscall(SYS_gettid);
  pthread_t thread;
  pthread_create(&thread, NULL, waiter, NULL);
  settle();
  pthread_kill(thread, SIGUSR1);
  while (seen < 1) usleep(1000);
  settle();
  T(syscall(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI, 1, 0, &lock, 0));
  IS((lock & FUTEX_WAITERS) != 0);
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  printf("%d signals, %d %s\n", seen, result, strerrorname_np(error));
  T(syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  return 0;
}
