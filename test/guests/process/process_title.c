#include "../check.h"
extern char **environ;
/* /proc/self/cmdline after setproctitle(3): what overflows the arguments goes on in the environment. */
static void show(void) {
  char text[256] = "";
  int fd = open("/proc/self/cmdline", O_RDONLY);
  ssize_t n = read(fd, text, sizeof text);
  close(fd);
  printf("%zd:", n);
  for (ssize_t i = 0; i < n; i++) printf("%c", text[i] == 0 ? '|' : text[i]);
  printf("\n");
}
int main(int argc, char **argv) {
  if (argc == 1) {
    char *own[] = {"title", "one", "two", NULL}, *env[] = {"SOME=thing", "OTHER=value", NULL};
    execve("/proc/self/exe", own, env);
  }
  show();
  char *start = argv[0], *end = argv[2] + strlen(argv[2]);
  memset(start, 0, end - start);
  strcpy(start, "short");
  show();
  memset(start, 'x', end - start + 1);
  show();
  strcpy(start, "longer than the arguments");
  show();
  return 0;
}
