#include "../check.h"
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
/* F_SEAL_EXEC of a file that may run seals its bytes, too. */
int main(void) {
  int fd = memfd_create("runs", MFD_ALLOW_SEALING);
  ftruncate(fd, 4096);
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
  HEX(fcntl(fd, F_GET_SEALS));
  T(fchmod(fd, 0666));
  T(fchmod(fd, 0755));
  T(write(fd, "x", 1));
  fd = memfd_create("data", MFD_ALLOW_SEALING);
  T(fchmod(fd, 0644));
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
  HEX(fcntl(fd, F_GET_SEALS));
  T(write(fd, "x", 1));
  T(fchmod(fd, 0755));
  fd = memfd_create("shown", MFD_ALLOW_SEALING);
  ftruncate(fd, 4096);
  char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
  munmap(m, 4096);
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
  return 0;
}
