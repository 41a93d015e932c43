/* Pseudo-terminals: packet mode, the master's requests, exclusive use, job control, and what is left after a hang-up. */
#include "check.h"
#include <termios.h>
#include <sys/ioctl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/uio.h>
static volatile int hup; static void on(int s){hup=s;}
static void st(const char*n,int fd){struct pollfd f={fd,POLLIN|POLLPRI|POLLOUT};poll(&f,1,50);printf("%s poll %#x\n",n,f.revents);fflush(stdout);}
int main(){ int m=posix_openpt(O_RDWR|O_NOCTTY|O_NONBLOCK); unlockpt(m); char nm[50]; ptsname_r(m,nm,50); int s=open(nm,O_RDWR|O_NOCTTY|O_NONBLOCK); struct termios t; int on1=1,z=0; char b[100];
 T(tcgetattr(s,&t)); T(ioctl(m,TIOCPKT,&on1)); int g=0; T(ioctl(m,0x80045438,&g)); T(g);
 T(read(m,b,10)); write(s,"hi",2); int n=read(m,b,10); T(n); T(b[0]); T(b[1]);
 st("master",m);
 T(tcflush(s,TCIFLUSH)); st("flush in",m); n=read(m,b,10); T(n); T(b[0]);
 T(tcflush(s,TCOFLUSH)); st("flush out",m); n=read(m,b,10); T(n); T(b[0]);
 T(tcflush(s,TCIOFLUSH)); n=read(m,b,10); T(n); T(b[0]); n=read(m,b,10); T(n);
 T(tcflow(s,TCOOFF)); st("stop",m); n=read(m,b,10); T(n); T(b[0]); T(tcflow(s,TCOON)); n=read(m,b,10); T(n); T(b[0]);
 T(tcflow(s,TCOOFF)); T(tcflow(s,TCOON)); n=read(m,b,10); T(n); T(b[0]);
 t.c_iflag&=~IXON; T(tcsetattr(s,TCSANOW,&t)); st("noixon",m); n=read(m,b,10); T(n); T(b[0]); t.c_iflag|=IXON; T(tcsetattr(s,TCSANOW,&t)); n=read(m,b,10); T(n); T(b[0]);
 t.c_cc[VSTOP]='x'; T(tcsetattr(s,TCSANOW,&t)); n=read(m,b,10); T(n); T(b[0]);
 write(s,"ab",2); T(tcflush(s,TCIFLUSH)); n=read(m,b,10); T(n); T(b[0]); n=read(m,b,10); T(n); T(b[0]);
 T(ioctl(m,TIOCPKT,&z)); T(read(m,b,1)); write(s,"zz",2); T(read(m,b,10)); T(b[0]);
 T(ioctl(s,TIOCPKT,&on1)); T(ioctl(m,TIOCGPTN,&g)); T(ioctl(s,TIOCGPTN,&g)); T(ioctl(m,TIOCGPTLCK,&g)); T(g);
 T(ioctl(s,TIOCOUTQ,&g)); T(g); write(s,"qqq",3); st("three",m); T(read(m,b,10));
 write(m,"line\n",5); st("line",s); T(ioctl(m,TIOCOUTQ,&g)); T(g); T(read(s,b,2)); T(read(s,b,10)); T(read(s,b,10)); read(m,b,100);
 write(m,"part",4); T(read(s,b,10)); T(ioctl(s,FIONREAD,&g)); T(g); st("slave",s); write(m,"\4",1); st("slave",s); T(read(s,b,10)); write(m,"\4",1); T(read(s,b,10)); T(read(s,b,10));
 write(m,"abc\177\177d\n",7); T(read(s,b,10)); b[2]=0; puts(b); write(m,"one two\27\25x\n",11); T(read(s,b,10)); 
 read(m,b,100); t.c_lflag&=~(ICANON|ECHO); t.c_cc[VMIN]=0; t.c_cc[VTIME]=0; T(tcsetattr(s,TCSANOW,&t)); T(read(s,b,10)); write(m,"q",1); T(read(s,b,10)); st("raw",s);
 t.c_lflag|=ICANON; tcsetattr(s,TCSANOW,&t); while(read(m,b,100)>0);
 struct winsize w={10,20,3,4}; T(ioctl(m,TIOCSWINSZ,&w)); memset(&w,0,sizeof w); T(ioctl(s,TIOCGWINSZ,&w)); T(w.ws_col); T(ioctl(s,TIOCEXCL)); T(ioctl(s,0x80045440,&g)); T(g); T(open(nm,O_RDWR|O_NOCTTY)>=0); T(ioctl(s,TIOCNXCL)); T(ioctl(s,TIOCSBRK)); T(ioctl(s,TIOCMGET,&g)); T(ioctl(s,TCSBRK,1)); T(tcdrain(s)); T(tcsendbreak(s,0)); T(tcgetsid(s)); T(tcgetpgrp(s)); T(tcsetpgrp(s,getpgrp())); T(ioctl(s,TIOCSTI,"x")); T(ioctl(s,TIOCGPTPEER,0)); int pe=ioctl(m,0x5441,O_RDWR|O_NOCTTY); IS(pe>=0); T(close(pe)); T(ioctl(s,TIOCSETD,&on1)); T(ioctl(s,TIOCGETD,&g)); T(g);  T(ioctl(s,TIOCLINUX,&g)); T(ioctl(s,0x4B3B,&g));  T(isatty(m)); T(isatty(s)); 
 signal(SIGHUP,on); signal(SIGUSR1,on); fflush(stdout); pid_t p=fork(); if(p==0){ close(m); setsid(); signal(SIGHUP,on); int f=open(nm,O_RDWR); T(ioctl(f,TIOCSCTTY,0)); T(tcgetsid(f)==getpid()); T(tcgetpgrp(f)==getpgrp()); int p2=fork(); if(p2==0){ setpgid(0,0); char c; signal(SIGTTIN,SIG_IGN); errno=0; T(read(f,&c,1)); signal(SIGTTOU,SIG_IGN); T(tcsetpgrp(f,getpgrp())); T(tcgetpgrp(f)==getpgrp()); _exit(0);} wait(0); T(tcgetpgrp(f)==getpgrp()); T(tcsetpgrp(f,999999)); T(tcsetpgrp(f,1)); T(tcsetpgrp(f,-1)); close(s); 
   hup=0; kill(getppid(),SIGUSR1); for(int i=0;i<100&&!hup;i++)usleep(10000); T(hup); T(read(f,b,1)); T(write(f,"x",1)); T(tcgetattr(f,&t)); T(ioctl(f,TIOCGWINSZ,&w)); struct pollfd pf={f,POLLIN|POLLOUT}; T(poll(&pf,1,0)); HEX(pf.revents); T(open("/dev/tty",O_RDWR)); T(open(nm,O_RDWR)); _exit(0);} 
 while(!hup)usleep(1000); close(m); close(s); int q; waitpid(p,&q,0); T(q);
 m=posix_openpt(O_RDWR|O_NOCTTY|O_NONBLOCK); grantpt(m); T(open(ptsname(m),O_RDWR|O_NOCTTY)); unlockpt(m); s=open(ptsname(m),O_RDWR|O_NOCTTY); write(s,"bye",3); close(s); st("closed slave",m); T(read(m,b,10)); T(read(m,b,10));
}
