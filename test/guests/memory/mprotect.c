#include "check.h"
#include <setjmp.h>
static sigjmp_buf env; static siginfo_t info; static long err, trap;
static void h(int s, siginfo_t *i, void *u) { info = *i; err = ((ucontext_t *)u)->uc_mcontext.gregs[REG_ERR]; trap = ((ucontext_t *)u)->uc_mcontext.gregs[REG_TRAPNO]; siglongjmp(env, s); }
static char *p;
#define TRY(what) do { int r = sigsetjmp(env, 1); if (!r) { what; printf("%s fine\n", #what); } else printf("%s: signal %d code %d offset %ld err %ld trap %ld\n", #what, r, info.si_code, (long)((char *)info.si_addr - p), err, trap); fflush(stdout); } while (0)
int main(void) {
  struct sigaction x = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_NODEFER}; sigaction(SIGSEGV, &x, 0); volatile char c; p = mmap(0, 16384, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); p[0] = 1; p[4096] = 2; T(mprotect(p + 4096, 4096, PROT_READ)); TRY(c = p[4096]); TRY(p[4100] = 1); TRY(*(volatile int *)(p + 4094) = 5); T(mprotect(p + 4096, 4096, PROT_NONE)); TRY(c = p[4097]); TRY(p[4097] = 1); T(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE)); TRY(c = p[4096]); IS(p[4096] == 2); T(mprotect(p + 1, 10, 3)); IS(mprotect(p, 16384 * 100000l, 3) == -1); T(mprotect(p, 4096, 0x80)); T(mprotect(p, 0, 0)); munmap(p + 8192, 4096); T(mprotect(p, 16384, PROT_READ)); TRY(p[0] = 1); TRY(c = p[8192]); TRY(p[8200] = 3);
}
