/* prctl(2): options that every process may use; refusals. */
#include "check.h"
#include <sys/prctl.h>
#include <linux/securebits.h>
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
int main(void) {
  int v = -1; char b[17];
  T(prctl(PR_SET_PDEATHSIG, 65)); T(prctl(PR_SET_PDEATHSIG, -1)); T(prctl(PR_SET_PDEATHSIG, 64)); T(prctl(PR_GET_PDEATHSIG, &v)); T(v); T(prctl(PR_SET_PDEATHSIG, 0)); T(prctl(PR_GET_PDEATHSIG, 8));
  T(prctl(PR_SET_NAME, "0123456789abcdefgh")); T(prctl(PR_GET_NAME, b)); puts(b); T(prctl(PR_SET_NAME, "")); prctl(PR_GET_NAME, b); T(strlen(b)); T(prctl(PR_SET_NAME, 8)); T(prctl(PR_GET_NAME, 8));
  T(prctl(PR_GET_DUMPABLE)); T(prctl(PR_SET_DUMPABLE, 2)); T(prctl(PR_SET_DUMPABLE, 3)); T(prctl(PR_SET_DUMPABLE, 0)); T(prctl(PR_GET_DUMPABLE)); T(prctl(PR_SET_DUMPABLE, 1));
  T(prctl(PR_SET_CHILD_SUBREAPER, 1)); T(prctl(PR_GET_CHILD_SUBREAPER, &v)); T(v); T(prctl(PR_SET_CHILD_SUBREAPER, 0)); T(prctl(PR_GET_CHILD_SUBREAPER, 8));
  T(prctl(PR_GET_KEEPCAPS)); T(prctl(PR_SET_KEEPCAPS, 2)); T(prctl(PR_SET_KEEPCAPS, 1)); T(prctl(PR_GET_KEEPCAPS)); T(prctl(PR_SET_KEEPCAPS, 0));
  T(prctl(PR_GET_TIMING)); T(prctl(PR_SET_TIMING, 0)); T(prctl(PR_SET_TIMING, 1)); T(prctl(PR_GET_TSC, &v)); T(v); T(prctl(PR_SET_TSC, 3)); 
  T(prctl(PR_GET_SECCOMP)); T(prctl(PR_SET_SECCOMP, 9));
  T(prctl(PR_GET_TIMERSLACK)); T(prctl(PR_SET_TIMERSLACK, 77)); T(prctl(PR_GET_TIMERSLACK)); T(prctl(PR_SET_TIMERSLACK, 0)); T(prctl(PR_GET_TIMERSLACK));
  T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)); T(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0)); T(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0)); T(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0)); T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); fflush(stdout); if (fork() == 0) { T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); _exit(0); } wait(0);
  T(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0)); T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)); T(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)); T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)); T(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
  T(prctl(PR_CAPBSET_READ, 0)); T(prctl(PR_CAPBSET_READ, 64)); T(prctl(PR_CAPBSET_READ, -1)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 64, 0, 0)); T(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 1, 0));
  HEX(prctl(PR_GET_SECUREBITS)); T(prctl(12345)); T(prctl(-1)); int *tid = 0; T(prctl(PR_GET_TID_ADDRESS, &tid)); 
  T(prctl(PR_MCE_KILL, 9, 0, 0, 0)); T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)); T(prctl(PR_TASK_PERF_EVENTS_DISABLE)); T(prctl(PR_TASK_PERF_EVENTS_ENABLE)); T(prctl(PR_SET_UNALIGN, 1)); T(prctl(PR_SET_FPEMU, 1)); T(prctl(PR_SET_ENDIAN, 1)); T(prctl(PR_SET_FP_MODE, 1));
}
