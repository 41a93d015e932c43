/* Jumps to where no instruction of the guest starts, and code that changes. */
#include "attacks.h"

static void jump_to(u64 p) { __asm__ volatile("jmp *%0" : : "r"(p)); }
static void call_to(u64 p) { __asm__ volatile("call *%0" : : "r"(p)); }
static void jump_through(u64 p) { __asm__ volatile("jmp *(%0)" : : "r"(p)); }
static void return_to(u64 p) { __asm__ volatile("push %0\nret" : : "r"(p)); }
static void return_far(u64 p) { __asm__ volatile("push $0x33\npush %0\nlretq" : : "r"(p)); }
static void return_interrupt(u64 p) {
  __asm__ volatile("push $0x2b\npush %0\npushf\npush $0x33\npush %0\niretq" : : "r"(p));
}
static void jump_far(u64 p) {
  struct { u64 to; uint16_t segment; } __attribute__((packed)) far = { p, 0x33 };
  __asm__ volatile("rex.w ljmp *%0" : : "m"(far));
}

/* mov eax, 0x00c3c3c3 … : at +1 three returns; jumping into the immediate is legal on x86. */
__asm__(".text\ninside:\n.byte 0xb8,0xc3,0xc3,0xc3,0x00,0xc3\n");
extern char inside[];
static void into_the_middle(u64 n) {
  u64 rax = 7;
  __asm__ volatile("call *%1" : "+a"(rax) : "r"(inside + n) : "rcx", "rdx", "memory");
  _exit(rax == 7 ? 1 : rax == 0xc3c3c3 ? 2 : 3);
}

/* The bytes of an escape hidden in an immediate: mov eax, imm32 with stosb; jmp into it. */
__asm__(".text\nhidden:\n.byte 0x48,0xb8\nstosb\nstosb\nstosb\nret\n.byte 0,0,0,0\nret\n");
extern char hidden[];
static void hidden_store(u64 p) {
  __asm__ volatile("call *%0" : : "r"(hidden + 2), "D"(p), "a"(0xee) : "memory");
}

static u8 *code_page(int protection) {
  return mmap(0, 8192, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void not_executable(u64 protection) {
  u8 *page = code_page((int)protection);
  if (protection & 2) page[0] = 0xc3;
  ((void (*)(void))page)();
}
static void over_the_page_end(u64 n) {
  u8 *page = code_page(7);
  memset(page, 0x90, 8192);
  memcpy(page + 4096 - n, "\x48\xb8\1\2\3\4\5\6\7\x8", 10);
  munmap(page + 4096, 4096);
  ((void (*)(void))(page + 4096 - n))();
}

static u32 changing(u8 *page, u32 value) {
  memcpy(page, "\xb8", 1);
  memcpy(page + 1, &value, 4);
  page[5] = 0xc3;
  return ((u32(*)(void))page)();
}
static void self_modifying(u64 rounds) {
  u8 *page = code_page(7);
  for (u32 n = 0; n < rounds; n++) if (changing(page, n) != n) _exit(1);
  _exit(2);
}
/* A store that changes the instruction behind it. */
static void next_instruction(u64 unused) {
  (void)unused;
  u8 *page = code_page(7);
  /* mov byte [rip+1], 42 ; mov al, 1 ; movzx eax, al ; ret */
  memcpy(page, "\xc6\x05\x01\x00\x00\x00\x2a\xb0\x01\x0f\xb6\xc0\xc3", 13);
  for (u32 n = 0; n < 3; n++) if (((u32(*)(void))page)() != 42) _exit(1);
  _exit(2);
}

/* Code shared with a child: what one changes, the other does not see. */
static u8 *shared_code;
static u32 shared_result(void) { return ((u32(*)(void))shared_code)(); }
static void change_shared(u64 how) {
  if (how == 0) shared_code[1] = 99;
  if (how == 1) {
    munmap(shared_code, 4096);
    mmap(shared_code, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memcpy(shared_code, "\xb8\x63\0\0\0\xc3", 6);
  }
  if (how == 2) mprotect(shared_code, 4096, PROT_READ | PROT_WRITE);
  if (how == 3) munmap(shared_code, 4096);
  _exit(shared_result() == 99 ? 2 : 1);
}

/* Random bytes as a program. */
static void random_code(u64 n) {
  seed += n * 0x9e3779b97f4a7c15ull;
  for (u32 i = 0; i < 64; i++) rnd();
  u8 *page = code_page(7);
  for (u32 i = 0; i < 8192; i++) page[i] = (u8)(rnd() >> 24);
  /* No kill, reboot and the like: every syscall becomes getpid; interrupts stay. */
  for (u32 i = 0; i + 1 < 8192; i++)
    if (page[i] == 0x0f && (page[i + 1] == 0x05 || page[i + 1] == 0x34)) page[i + 1] = 0x0b;
  for (u32 i = 0; i + 1 < 8192; i++) if (page[i] == 0xcd) page[i] = 0x90;
  u64 r[8];
  for (u32 i = 0; i < 8; i++) r[i] = WILD[rnd() % WILD_COUNT] + (rnd() & 0xff0);
  __asm__ volatile("mov %1,%%rbx\nmov %2,%%rdx\nmov %3,%%rsi\nmov %4,%%rdi\nmov %5,%%r8\nmov %6,%%r9\njmp *%0"
    : : "a"(page), "m"(r[0]), "m"(r[1]), "m"(r[2]), "m"(r[3]), "m"(r[4]), "m"(r[5])
    : "memory", "rbx", "rdx", "rsi", "rdi", "r8", "r9");
}

int main(void) {
  own_fill();
  at_wild("jump_to", jump_to);
  at_wild("call_to", call_to);
  at_wild("jump_through", jump_through);
  at_wild("return_to", return_to);
  at_wild("return_far", return_far);
  at_wild("return_interrupt", return_interrupt);
  at_wild("jump_far", jump_far);
  at_wild("hidden_store", hidden_store);
  for (u64 n = 0; n < 4; n++) printf("into an immediate at %u: %x\n", (u32)n, attempt(into_the_middle, n));
  printf("not executable: %x %x %x\n", attempt(not_executable, 1), attempt(not_executable, 3), attempt(not_executable, 0));
  for (u64 n = 1; n < 11; n += 3) printf("over the page's end by %u: %x\n", (u32)(10 - n), attempt(over_the_page_end, n));
  printf("self-modifying: %x %x\n", attempt(self_modifying, 300), attempt(next_instruction, 0));
  neighbour("code that changes");

  shared_code = code_page(7);
  memcpy(shared_code, "\xb8\x2a\0\0\0\xc3", 6);
  for (u64 how = 0; how < 4; how++) {
    u32 before = shared_result();
    int child = attempt(change_shared, how);
    printf("shared code %u: %u, child %x, %u\n", (u32)how, before, child, shared_result());
  }
  neighbour("shared code");
  int hung = 0;
  for (u64 n = 0; n < 150; n++) {
    int how = attempt(random_code, n);
    if (how == 0x100 + SIGALRM) hung++;
  }
  fprintf(stderr, "random code: %d of 150 ran until the alarm\n", hung);
  neighbour("random code");
  return 0;
}
