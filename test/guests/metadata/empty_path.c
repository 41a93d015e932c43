#include "check.h"
// An empty path means the descriptor itself, whatever the walk before it wanted.
int main(void) {
  struct stat s; int p[2]; pipe(p);
  T(open("absent", O_RDONLY | O_DIRECTORY)); T(fstatat(p[0], "", &s, AT_EMPTY_PATH)); HEX(s.st_mode & S_IFMT);
  T(open("absent/", O_RDONLY)); T(fstatat(p[1], "", &s, AT_EMPTY_PATH)); T(fstat(p[0], &s));
  T(fstatat(p[0], "", &s, 0)); T(fstatat(99, "", &s, AT_EMPTY_PATH)); T(fstatat(AT_FDCWD, "", &s, AT_EMPTY_PATH));
}
