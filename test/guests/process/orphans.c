#include "check.h"
#include <sys/prctl.h>
int main(void) { int p[2], s; pipe(p); fflush(stdout); T(prctl(PR_SET_CHILD_SUBREAPER, 1)); if (!fork()) { if (!fork()) { usleep(20000); char c = getppid() > 0; write(p[1], &c, 1); _exit(5); } _exit(0); } IS(wait(&s) > 0); T(WEXITSTATUS(s)); char c; T(read(p[0], &c, 1)); IS(wait(&s) > 0); T(WEXITSTATUS(s)); T(wait(&s)); }
