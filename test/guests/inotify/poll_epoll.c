#include "files.h"
#include <sys/inotify.h>
#include <sys/epoll.h>
#include <poll.h>
int main(void) { int in = inotify_init1(0), ep = epoll_create1(0); put("f", "x"); inotify_add_watch(in, "f", IN_MODIFY); struct pollfd p = {in, POLLIN | POLLOUT, 0}; T(poll(&p, 1, 0)); struct epoll_event e = {EPOLLIN, {.u32 = 7}}, out; T(epoll_ctl(ep, EPOLL_CTL_ADD, in, &e)); T(epoll_wait(ep, &out, 1, 0)); fflush(stdout); int pid = fork(); if (!pid) { usleep(30000); int fd = open("f", O_WRONLY); write(fd, "y", 1); _exit(0); } T(epoll_wait(ep, &out, 1, 5000)); T(out.data.u32); HEX(out.events); T(poll(&p, 1, 0)); HEX(p.revents); char b[100]; T(read(in, b, 100)); T(poll(&p, 1, 0)); waitpid(pid, 0, 0); pid = fork(); if (!pid) { usleep(30000); truncate("f", 0); _exit(0); } T(read(in, b, 100)); waitpid(pid, 0, 0); }
