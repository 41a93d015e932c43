#include "../check.h"
#define CREATED_QUERY 1028
/* F_CREATED_QUERY: did this open make the file? */
int main(void) {
  int fd = open("created", O_RDWR | O_CREAT, 0600);
  T(fcntl(fd, CREATED_QUERY, 0));
  T(fcntl(dup(fd), CREATED_QUERY, 0));
  T(fcntl(open("created", O_RDWR | O_CREAT, 0600), CREATED_QUERY, 0));
  T(fcntl(open("created", O_RDONLY), CREATED_QUERY, 0));
  T(fcntl(open("exclusive", O_RDWR | O_CREAT | O_EXCL, 0600), CREATED_QUERY, 0));
  T(fcntl(open(".", O_RDONLY | O_DIRECTORY), CREATED_QUERY, 0));
  T(fcntl(open(".", O_RDWR | O_TMPFILE, 0600), CREATED_QUERY, 0));
  T(fcntl(open(".", O_PATH), CREATED_QUERY, 0));
  T(fcntl(99, CREATED_QUERY, 0));
  return 0;
}
