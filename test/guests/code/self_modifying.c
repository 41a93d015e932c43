// Code that changes itself: in the block that runs, in a loop, across pages, by every kind of store.
#include "check.h"
typedef unsigned long (*fn)(unsigned long, unsigned long);
static unsigned char *p;

static void put(size_t at, const char *code, size_t n) { memcpy(p + at, code, n); }
#define PUT(at, code) put(at, code, sizeof(code) - 1)
#define CALL(at, a, b) ((fn)(p + (at)))(a, b)

/* Status flags and registers must survive whatever is done to check the code. */
static void flags(size_t at) {
  unsigned long before, after, cx = 0x1122334455667788, dx = 0x99aabbccddeeff00, ax = 7;
  for (int set = 0; set < 2; set++) {
    unsigned long wanted = set ? 0x8d5 : 0;
    __asm__ volatile(
        "sub $256, %%rsp\n\tpush %[wanted]\n\tpopf\n\tcall *%[f]\n\tpushf\n\tpop %[after]\n\tadd $256, %%rsp"
        : [after] "=&r"(after), "+c"(cx), "+d"(dx), "+a"(ax)
        : [f] "r"(p + at), [wanted] "r"(wanted)
        : "cc", "memory");
    printf("flags %lx rax %lx rcx %lx rdx %lx\n", after & 0x8d5, ax, cx, dx);
  }
}

int main(void) {
  p = mmap(0, 8 * 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  /* mov byte [rip+1], imm8; mov eax, 0; ret: the next instruction. */
  for (int i = 1; i < 6; i++) {
    PUT(0, "\xc6\x05\x01\x00\x00\x00\x2a\xb8\x00\x00\x00\x00\xc3");
    p[6] = i * 7;
    T(CALL(0, 0, 0));
  }
  /* The second but next: mov [rdi], sil; nop; nop; add eax, ecx → sub eax, ecx. */
  for (int i = 0; i < 4; i++) {
    PUT(64, "\xb8\x64\x00\x00\x00\xb9\x03\x00\x00\x00\x40\x88\x37\x90\x90\x01\xc8\xc3");
    T(CALL(64, (unsigned long)p + 64 + 15, i & 1 ? 0x29 : 0x01));
  }
  /* A loop that counts its own immediate up: inc byte [rip-9+…]; add eax, imm8; dec ecx; jnz. */
  PUT(128, "\x31\xc0\xb9\x0a\x00\x00\x00\xfe\x05\x02\x00\x00\x00\x83\xc0\x00\xff\xc9\x75\xf3\xc3");
  for (int i = 0; i < 3; i++) T(CALL(128, 0, 0));
  /* A store that turns itself into something else for the next turn: c6 07 90 → 90 90 90. */
  PUT(192, "\x31\xc0\xb9\x05\x00\x00\x00\xff\xc0\x66\xc7\x07\x90\x90\x90\xff\xc9\x75\xf5\xc3");
  T(CALL(192, (unsigned long)p + 192 + 7, 0));
  /* An instruction that crosses a page: b8 imm32 with its immediate in the next. */
  size_t at = 4096 - 3;
  PUT(at, "\xb8\x11\x22\x33\x44\xc3");
  T(CALL(at, 0, 0));
  for (int i = 0; i < 8; i++) { p[4096] = i; p[4097] = 2 * i; T(CALL(at, 0, 0)); }
  /* Code on one page writes the next and falls into it. */
  at = 2 * 4096 - 3;
  for (int i = 0; i < 5; i++) {
    PUT(at, "\x40\x88\x37\xb8\x00\x00\x00\x00\xc3");
    T(CALL(at, (unsigned long)p + at + 4, i * 3));
  }
  /* push, call and rep movsb as the stores. */
  PUT(3 * 4096, "\x48\x89\xe0\x48\x89\xfc\x56\x48\x89\xc4\xb8\x00\x00\x00\x00\xc3");
  for (int i = 0; i < 5; i++)
    T(CALL(3 * 4096, (unsigned long)p + 3 * 4096 + 19, 0xc3000000b8ul | (unsigned long)i << 24));
  PUT(3 * 4096 + 256, "\xb9\x04\x00\x00\x00\x48\x89\xf8\x48\x89\xc7\xf3\xa4\xb8\x00\x00\x00\x00\xc3");
  for (unsigned i = 1; i < 6; i++) {
    unsigned value = i * 0x01020304;
    T(CALL(3 * 4096 + 256, (unsigned long)p + 3 * 4096 + 256 + 14, (unsigned long)&value));
  }
  /* Immediates of every size that change again and again; flags and registers stay. */
  PUT(4 * 4096, "\x41\xb9\x01\x00\x00\x00\x49\xba\x01\x02\x03\x04\x05\x06\x07\x08\x48\xc7\xc0\xff\xff\xff\xff\x4c\x01\xd0\x4c\x01\xc8\xc3");
  for (int i = 0; i < 8; i++) {
    p[4 * 4096 + 2] = i; p[4 * 4096 + 8 + i] = 0x80 + i; p[4 * 4096 + 19 + (i & 3)] = 0x40 + i;
    HEX(CALL(4 * 4096, 0, 0));
  }
  PUT(4 * 4096 + 512, "\xbe\x01\x00\x00\x00\xc3");
  for (int i = 0; i < 6; i++) { p[4 * 4096 + 513] = i; flags(4 * 4096 + 512); }
  /* Not an immediate: the opcode, the register, the target of a jump, a prefix. */
  PUT(5 * 4096, "\x31\xc0\xeb\x02\xff\xc0\xff\xc0\xff\xc0\xc3");
  for (int i = 0; i < 8; i++) { p[5 * 4096 + 3] = 2 * (i % 4); T(CALL(5 * 4096, 0, 0)); }
  PUT(5 * 4096 + 64, "\xb8\x07\x00\x00\x00\xbf\x01\x00\x00\x00\x01\xf8\xc3");
  for (int i = 0; i < 8; i++) { p[5 * 4096 + 64 + 10] = i & 1 ? 0x29 : 0x01; T(CALL(5 * 4096 + 64, 0, 0)); }
  /* Data on the page of code, written all the time: mov rax, [rdi]; lea rax, [rax+1]; mov [rdi], rax; ret. */
  PUT(6 * 4096, "\x48\x8b\x07\x48\x8d\x40\x01\x48\x89\x07\xc3");
  volatile unsigned long *counter = (void *)(p + 6 * 4096 + 2048);
  unsigned long sum = 0;
  for (int i = 0; i < 20000; i++) { sum += CALL(6 * 4096, (unsigned long)counter, 0); *counter += i & 1; }
  T(*counter); T(sum);
  /* The kernel writes: read(2) into the page. */
  int fds[2];
  pipe(fds);
  PUT(7 * 4096, "\xb8\x00\x00\x00\x00\xc3");
  for (int i = 0; i < 6; i++) {
    char b = 10 * i;
    write(fds[1], &b, 1);
    read(fds[0], p + 7 * 4096 + 1, 1);
    T(CALL(7 * 4096, 0, 0));
    p[7 * 4096 + 1] = i;
    T(CALL(7 * 4096, 0, 0));
  }
  return 0;
}
