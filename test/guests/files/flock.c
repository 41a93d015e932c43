#include "check.h"
#include <sys/file.h>
int main(void) {
  int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDWR), c = dup(a);
  T(flock(a, LOCK_EX)); T(flock(b, LOCK_EX | LOCK_NB)); T(flock(b, LOCK_SH | LOCK_NB)); T(flock(c, LOCK_SH)); T(flock(b, LOCK_SH | LOCK_NB)); T(flock(a, LOCK_EX | LOCK_NB));
  T(flock(b, LOCK_UN)); T(flock(a, LOCK_EX | LOCK_NB)); T(close(a)); T(flock(b, LOCK_SH | LOCK_NB)); T(close(c)); T(flock(b, LOCK_SH | LOCK_NB)); T(flock(b, 99)); T(flock(-1, LOCK_SH));
}
