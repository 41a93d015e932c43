/* System V shared memory, and process_vm_readv. */
#define _GNU_SOURCE
#include <sys/shm.h>
#include <sys/wait.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <sys/uio.h>
int main(){ int id=shmget(IPC_PRIVATE,10000,IPC_CREAT|0600); printf("id>=0 %d\n",id>=0); char*p=shmat(id,0,0); struct shmid_ds d; shmctl(id,IPC_STAT,&d); printf("n %d size %d mode %o\n",(int)d.shm_nattch,(int)d.shm_segsz,d.shm_perm.mode);
 pid_t c=fork(); if(!c){ strcpy(p,"from child"); shmctl(id,IPC_STAT,&d); _exit(d.shm_nattch); } int st; waitpid(c,&st,0); printf("%s %d\n",p,WEXITSTATUS(st));
 printf("rm %d\n",shmctl(id,IPC_RMID,0)); shmctl(id,IPC_STAT,&d); printf("mode %o n %d\n",d.shm_perm.mode,(int)d.shm_nattch); printf("dt %d\n",shmdt(p)); errno=0; printf("%d %d\n",shmctl(id,IPC_STAT,&d),errno); printf("%d %d\n",shmdt(p),errno);
 errno=0; printf("%d %d\n",shmget(0x1234,100,0600),errno); int k=shmget(0x1234,100,IPC_CREAT|0600); printf("%d\n", shmget(0x1234,100,0)==k); printf("%d %d\n",shmget(0x1234,99999,0),errno); printf("%d %d\n",shmget(0x1234,100,IPC_CREAT|IPC_EXCL),errno); shmctl(k,IPC_RMID,0);
 char b[10]="abc", e[10]={0}; struct iovec l={e,4}, r={b,4}; printf("%d %s\n",(int)process_vm_readv(getpid(),&l,1,&r,1,0),e); return 0; }
