#include "check.h"
// Every ALU operation on edge values in four widths: results and status flags.
static const uint64_t V[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x123456789abcdef0};
#define N (sizeof V / sizeof *V)
static uint64_t sum; static void mix(uint64_t x) { sum = (sum ^ x) * 1099511628211u; }
#define OP(name, width, reg, cast) { sum = 14695981039346656037u; for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) for (int c = 0; c < 2; c++) { uint64_t a = V[i], b = V[j], f; __asm__ volatile("test %3, %3\n\tbt $0, %3\n\t" name " %" reg "2, %" reg "0\n\tpushf\n\tpop %1" : "+r"(a), "=&r"(f) : "r"(b), "r"(c) : "cc", "memory"); mix(a); mix(f & (strstr("andorxortest", (char[]){name[0], name[1], 0}) ? 0x8c5 : 0x8d5)); } printf("%s%s %016lx\n", name, width, sum); }
#define ALL(name) OP(name "b", "", "b", uint8_t) OP(name "w", "", "w", uint16_t) OP(name "l", "", "k", uint32_t) OP(name "q", "", "q", uint64_t)
int main(void) { ALL("add") ALL("adc") ALL("sub") ALL("sbb") ALL("cmp") ALL("and") ALL("or") ALL("xor") ALL("test") ALL("xchg") ALL("xadd") }
