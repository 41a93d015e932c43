#include "check.h"
#include <setjmp.h>
static char *p; static sigjmp_buf env;
static void h(int s, siginfo_t *i, void *u) { greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs; printf("signal %d addr %ld rdi %ld rcx %lld rsi %lld\n", s, (long)((char *)i->si_addr - p), (long)((char *)g[REG_RDI] - p), g[REG_RCX], g[REG_RSI] - (long)p); fflush(stdout); siglongjmp(env, 1); }
int main(void) { struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_NODEFER}; sigaction(SIGSEGV, &a, 0); p = mmap(0, 4096 * 3, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(p + 8192, 4096); void *D, *S; unsigned long C;
#define TRY(op, d, s, c) if (!sigsetjmp(env, 1)) { D = (void *)(d); S = (void *)(s); C = c; __asm__ volatile(op "\n cld" : "+D"(D), "+S"(S), "+c"(C) : "a"(0x41) : "memory", "cc"); printf("%s fine\n", op); } else printf("%s faulted\n", op);
 TRY("rep stosb", p + 8000, p, 500) TRY("rep stosq", p + 8000, p, 500) TRY("rep movsb", p, p + 8000, 500) TRY("std\n rep stosl", p + 8, p, 0) bytes("tail", p + 8184, 8); munmap(p, 4096); TRY("std\n rep stosb", p + 4096 + 10, p, 100) TRY("rep movsq", p + 5000, p + 8000, 100) TRY("repne scasb", p + 8180, p, 400) }
