#include "check.h"
#include <sys/eventfd.h>
#include <poll.h>
int main(void) { uint64_t v; int e = eventfd(3, EFD_NONBLOCK); T(read(e, &v, 8)); T(v); T(read(e, &v, 8)); v = 5; T(write(e, &v, 8)); T(write(e, &v, 8)); T(read(e, &v, 8)); T(v); v = ~0ull; T(write(e, &v, 8)); v = ~0ull - 1; T(write(e, &v, 8)); v = 1; T(write(e, &v, 8)); struct pollfd f = {e, POLLIN | POLLOUT}; T(poll(&f, 1, 0)); HEX(f.revents); T(read(e, &v, 4)); T(write(e, &v, 4)); int s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK); T(read(s, &v, 8)); T(v); T(read(s, &v, 8)); T(read(s, &v, 8)); T(eventfd(0, 12345)); }
