/* unshare(2) of what threads and CLONE_FS children share; set_tid_address(2), gettid, getppid after the parent's end. */
// flags: -pthread
#include "check.h"
#include <pthread.h>
static volatile int step; static void *shares(void *a) { while (step < 1) usleep(200); T(unshare(CLONE_FS)); T(unshare(CLONE_FILES)); chdir("/"); umask(0); close((long)a); open("/dev/null", O_RDONLY); step = 2; while (step < 3) usleep(200); return 0; }
int main(void) {
  T(unshare(0)); T(unshare(CLONE_FILES)); T(unshare(CLONE_FS)); T(unshare(CLONE_SYSVSEM)); T(unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM)); T(unshare(CLONE_THREAD)); T(unshare(CLONE_SIGHAND)); T(unshare(CLONE_VM)); T(unshare(CLONE_VFORK)); T(unshare(CLONE_PARENT)); T(unshare(0x80000000)); int fd = open("/dev/null", O_RDONLY); umask(022); char before[512], after[512]; getcwd(before, 512); pthread_t t; pthread_create(&t, 0, shares, (void *)(long)fd); step = 1; while (step < 2) usleep(200); getcwd(after, 512); IS(!strcmp(before, after)); printf("umask %03o\n", umask(022)); T(fcntl(fd, F_GETFD)); step = 3; pthread_join(t, 0); IS(syscall(SYS_gettid) == getpid()); IS(syscall(SYS_set_tid_address, &step) == getpid());
  int p[2]; pipe(p); fflush(stdout); pid_t c = fork(); if (c == 0) { pid_t old = getpid(); pid_t g = fork(); if (g == 0) { while (getppid() == old) usleep(200); char ok = getppid() != old; write(p[1], &ok, 1); _exit(0); } _exit(0); } waitpid(c, 0, 0); char ok = 0; read(p[0], &ok, 1); T(ok);
}
