/* What remains of the timeout of select, pselect6 and ppoll after a signal, and after success. */
#include "check.h"
#include <sys/select.h>
#include <poll.h>
static void h(int s){}
int main(){ struct sigaction a={.sa_handler=h}; sigaction(SIGALRM,&a,0); struct itimerval it={{0},{0,100000}}; 
 struct timeval tv={10,0}; setitimer(0,&it,0); T(syscall(SYS_select,0,0,0,0,&tv)); IS(tv.tv_sec==9);
 struct timespec ts={10,0}; setitimer(0,&it,0); T(syscall(SYS_pselect6,0,0,0,0,&ts,0)); IS(ts.tv_sec==9); 
 ts.tv_sec=10; ts.tv_nsec=0; setitimer(0,&it,0); T(syscall(SYS_ppoll,0,0,&ts,0,8)); IS(ts.tv_sec==9); 
 fd_set f; FD_ZERO(&f); int p[2]; pipe(p); FD_SET(p[0],&f); tv.tv_sec=10; tv.tv_usec=0; setitimer(0,&it,0); T(select(p[0]+1,&f,0,0,&tv)); IS(tv.tv_sec==9); IS(FD_ISSET(p[0],&f));
 struct pollfd q={p[1],POLLOUT}; ts.tv_sec=10; ts.tv_nsec=0; T(syscall(SYS_ppoll,&q,1,&ts,0,8)); IS(ts.tv_sec==9); tv.tv_sec=0; tv.tv_usec=20000; T(select(0,0,0,0,&tv)); T(tv.tv_sec); T(tv.tv_usec);
 signal(SIGALRM,SIG_IGN); setitimer(0,&it,0); tv.tv_usec=200000; struct timespec s,e; clock_gettime(CLOCK_MONOTONIC,&s); T(select(0,0,0,0,&tv)); clock_gettime(CLOCK_MONOTONIC,&e); IS((e.tv_sec-s.tv_sec)*1000+(e.tv_nsec-s.tv_nsec)/1000000<2000); }
