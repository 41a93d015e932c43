/*
 * Runs programs one after the other, each in the folder of its name, and frames what they print:
 * "\n#### NAME STATUS BYTES\n" and the bytes. One start of Cloister then serves many programs, and
 * standard input (an empty pipe) and output (a pipe) are the same natively and inside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 60000

static char *text;
static size_t used, room;

static void must(int ok, const char *what) {
  if (ok) return;
  perror(what);
  exit(125);
}

/* Reads until the end of the pipe; 0 when the time is up. */
static int collect(int fd) {
  struct timespec begin, now;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  used = 0;
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    long gone = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int ready = gone >= LIMIT_MS ? 0 : poll(&one, 1, LIMIT_MS - gone);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return 0;
    if (used == room) must((text = realloc(text, room = room * 2 + 65536)) != NULL, "realloc");
    ssize_t count = read(fd, text + used, room - used);
    if (count < 0 && errno == EINTR) continue;
    must(count >= 0, "read");
    if (count == 0) return 1;
    used += count;
  }
}

static void put(const char *data, size_t size) {
  while (size > 0) {
    ssize_t count = write(1, data, size);
    must(count > 0, "write");
    data += count;
    size -= count;
  }
}

static void one(const char *name) {
  int in[2], out[2], status = 0;
  fprintf(stderr, "#### %s\n", name);
  must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe2");
  pid_t pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) {
    char path[300];
    snprintf(path, sizeof path, "./%s", name);
    setsid();
    must(chdir(name) == 0, name);
    must(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1, "dup2");
    execl(path, path, NULL);
    must(0, path);
  }
  close(in[0]);
  close(in[1]);
  close(out[1]);
  int done = collect(out[0]);
  close(out[0]);
  if (!done) kill(-pid, SIGKILL);
  while (waitpid(pid, &status, 0) < 0) must(errno == EINTR, "waitpid");
  char head[400];
  int result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  int size = snprintf(head, sizeof head, "\n#### %s %d %zu\n", name, done ? result : -1, used);
  put(head, size);
  put(text, used);
}

int main(int count, char **names) {
  /* Whatever the caller left open is not part of the comparison. */
  close_range(3, ~0u, 0);
  for (int i = 1; i < count; i++) one(names[i]);
}
