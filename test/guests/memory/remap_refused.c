/* mremap that is refused leaves the old range as it was. */
#include "check.h"
static void f(void){ size_t n=1011712; char*p=mmap(0,n,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0); memset(p,7,n); char*blk=mmap(0,4096,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);
 char*q=mremap(p,n,1515520,MREMAP_MAYMOVE); IS(q!=MAP_FAILED); memset(q+n,8,1515520-n); struct rlimit r={(1<<20)+4*1515520/3,RLIM_INFINITY}; setrlimit(RLIMIT_AS,&r); 
 T(mremap(q,1515520,2273280*4,MREMAP_MAYMOVE)); IS(q[0]==7); IS(q[1515519]==8); q[5]=9; r.rlim_cur=RLIM_INFINITY; setrlimit(RLIMIT_AS,&r); q=mremap(q,1515520,2273280,MREMAP_MAYMOVE); IS(q[5]==9); IS(q[1515519]==8); IS(q[1515520]==0); T(munmap(q,2273280)); }
int main(){ CHILD(f); f(); }
