// flags: -lm
#include "check.h"
#include <setjmp.h>
#include <fenv.h>
static sigjmp_buf env; static int code; static void *addr; static void h(int s, siginfo_t *i, void *u) { code = i->si_code; addr = i->si_addr; siglongjmp(env, s); }
#define TRY(what) do { int r = sigsetjmp(env, 1); if (!r) { what; printf("%s fine\n", #what); } else printf("%s: signal %d code %d\n", #what, r, code); fflush(stdout); } while (0)
int main(void) { for (int s = 4; s < 12; s++) { struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_NODEFER}; if (s != 6 && s != 9 && s != 10) sigaction(s, &a, 0); } volatile int z = 0, m = INT_MIN, k = -1; TRY(z = 1 / z); z = 0; TRY(m = m / k); TRY(__asm__ volatile("ud2")); TRY(__asm__ volatile("int3")); TRY(__asm__ volatile("hlt")); TRY(__asm__ volatile("int $0x42")); TRY(__asm__ volatile("in $0x60, %%al" ::: "rax")); TRY(__asm__ volatile("mov %%cr0, %%rax" ::: "rax")); TRY(__asm__ volatile(".byte 0x0f,0x0b")); TRY(__asm__ volatile(".byte 0x06")); TRY(__asm__ volatile(".byte 0xf0, 0x89, 0xc0")); volatile double d = 0, one = 1, r; feenableexcept(FE_DIVBYZERO | FE_INVALID); TRY(r = one / d); feenableexcept(FE_DIVBYZERO | FE_INVALID); TRY(r = d / d); char b[32] __attribute__((aligned(16))); TRY(__asm__ volatile("movaps %%xmm0, 1(%0)" ::"r"(b))); unsigned bad = 0xffffffff; TRY(__asm__ volatile("ldmxcsr %0" ::"m"(bad))); }
