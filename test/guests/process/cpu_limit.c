/* ITIMER_VIRTUAL and RLIMIT_CPU run on processor time. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile int n; static void h(int s){ n++; }
int main(){ signal(SIGVTALRM,h); signal(SIGPROF,h); struct itimerval v={{0,10000},{0,10000}}; setitimer(ITIMER_VIRTUAL,&v,0); usleep(100000); printf("idle %d\n", n<=1); while(n<5); printf("n>=5 %d\n",n>=5); v=(struct itimerval){0}; setitimer(ITIMER_VIRTUAL,&v,0);
 if(!fork()){ struct rlimit r={1,2}; setrlimit(RLIMIT_CPU,&r); for(;;); } int st; wait(&st); printf("%d\n", WTERMSIG(st)); 
 if(!fork()){ struct rlimit r={1,2}; signal(SIGXCPU,SIG_IGN); setrlimit(RLIMIT_CPU,&r); for(;;); } wait(&st); printf("%d\n", WTERMSIG(st)); return 0; }
