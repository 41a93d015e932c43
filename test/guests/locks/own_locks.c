#include "../check.h"
/* F_OFD_GETLK with F_UNLCK asks for the locks of this very description. */
static int query(int fd, off_t start, off_t length) {
  struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  int result = fcntl(fd, F_OFD_GETLK, &lock);
  printf("%d: type %d start %ld len %ld pid %d\n", result, lock.l_type, (long)lock.l_start,
         (long)lock.l_len, lock.l_pid);
  return result;
}
int main(void) {
  int fd = open("own_locks.file", O_RDWR | O_CREAT, 0600), other = open("own_locks.file", O_RDWR);
  T(ftruncate(fd, 100));
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 3};
  T(fcntl(fd, F_OFD_SETLK, &lock));
  query(fd, 0, 0);
  query(fd, 6, 1);
  query(fd, 8, 1);
  query(other, 0, 0);
  lock = (struct flock){.l_type = F_UNLCK};
  T(fcntl(fd, F_GETLK, &lock));
  return 0;
}
