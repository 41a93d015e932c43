#include "check.h"
int main(void) { int fd = open("f", O_RDWR | O_CREAT, 0600); T(lseek(fd, 0, SEEK_DATA)); T(lseek(fd, 0, SEEK_HOLE)); write(fd, "x", 1); T(lseek(fd, 0, SEEK_DATA)); T(lseek(fd, 1, SEEK_DATA)); T(lseek(fd, 0, SEEK_HOLE) >= 1); T(lseek(fd, 5, SEEK_HOLE)); T(lseek(fd, -1, SEEK_DATA)); }
