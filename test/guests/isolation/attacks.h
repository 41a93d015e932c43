/*
 * What the malicious guests share: each attack runs in a child of its own, the parent is the
 * neighbour that must go on with its memory as it was. Standard output has one line an attack.
 */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

/* Addresses that a guest has no business with: above 4 GiB, the ends of the space, where a host
 * process keeps its heap, libraries and stack, addresses that are no addresses. */
static const u64 WILD[] = {
  0, 8, 0xfff, 0xffff, 0xfffffff8, 0xffffffff, 0x100000000, 0x100000000 - 65536, 0x1000003f8,
  0x100010000, 0x200000000, 0x555555554000, 0x5555557a2e40, 0x7ffff7dd0000, 0x7fffffffe000,
  0x7fffffffffff, 0x800000000000, 0x8000000000000000, 0xffff800000000000, 0xffffffffff600000,
  (u64)-8, (u64)-4096, (u64)-0x300000, (u64)-0x400000, (u64)-0x480000,
};
#define WILD_COUNT (sizeof WILD / sizeof *WILD)

static u64 seed = 88172645463325252ull;
__attribute__((unused)) static u64 rnd(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

/* The neighbour's own memory. */
#define OWN_BYTES (1 << 20)
static u8 *own;
static void own_fill(void) {
  own = mmap(0, OWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (u32 n = 0; n < OWN_BYTES; n++) own[n] = (u8)(n * 131 + (n >> 9));
}
static int own_intact(void) {
  for (u32 n = 0; n < OWN_BYTES; n++) if (own[n] != (u8)(n * 131 + (n >> 9))) return 0;
  return 1;
}

/* Runs `attack(argument)` in a child; 0x100 + signal, or its exit status. */
static int attempt(void (*attack)(u64), u64 argument) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    struct rlimit core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &core);
    signal(SIGALRM, SIG_DFL);
    alarm(3);
    attack(argument);
    _exit(0);
  }
  int status = -1;
  if (pid < 0) return -errno;
  /* The child may have blocked its alarm: the parent ends it. */
  struct timespec pause = { 0, 2000000 };
  for (int n = 0; waitpid(pid, &status, WNOHANG) == 0; n++) {
    if (n == 3000) kill(pid, SIGALRM), kill(pid, SIGKILL);
    nanosleep(&pause, 0);
  }
  return WIFSIGNALED(status) ? 0x100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void neighbour(const char *name) {
  printf("%-28s %s\n", name, own_intact() ? "neighbour intact" : "NEIGHBOUR CHANGED");
  if (!own_intact()) own_fill();
}

/* All wild addresses; prints how many children died of SIGSEGV or SIGBUS, and if any hung. */
__attribute__((unused)) static void at_wild(const char *name, void (*attack)(u64)) {
  int hung = 0;
  for (u32 n = 0; n < WILD_COUNT; n++) hung += attempt(attack, WILD[n]) == 0x100 + SIGALRM;
  if (hung) fprintf(stderr, "%s: %d ran until the alarm\n", name, hung);
  neighbour(name);
}
