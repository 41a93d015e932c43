#include "../check.h"
#include <sys/prctl.h>
#define SET 65
#define GET 66
/* PR_SET_MDWE: memory does not become executable any more. */
static void *map(int prot) { return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void after(void) {
  T(prctl(GET, 0, 0, 0, 0));
  T(map(PROT_READ | PROT_EXEC) != MAP_FAILED);
  T(map(PROT_READ | PROT_WRITE | PROT_EXEC) != MAP_FAILED);
  T(mprotect(map(PROT_READ), 4096, PROT_READ | PROT_EXEC));
  T(mprotect(map(PROT_READ | PROT_EXEC), 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
  T(mprotect(map(PROT_READ | PROT_EXEC), 4096, PROT_READ));
}
static void refuse(void) {
  T(prctl(SET, 1, 0, 0, 0));
  T(prctl(SET, 1, 0, 0, 0));
  T(prctl(SET, 3, 0, 0, 0));
  T(prctl(SET, 0, 0, 0, 0));
  after();
  CHILD(after);
}
static void alone(void) {
  T(prctl(SET, 3, 0, 0, 0));
  after();
  CHILD(after);
}
int main(void) {
  T(prctl(GET, 0, 0, 0, 0));
  T(prctl(GET, 1, 0, 0, 0));
  T(prctl(SET, 2, 0, 0, 0));
  T(prctl(SET, 4, 0, 0, 0));
  T(prctl(SET, 1, 1, 0, 0));
  T(prctl(SET, 0, 0, 0, 0));
  CHILD(refuse);
  CHILD(alone);
  after();
  return 0;
}
