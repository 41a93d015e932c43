/* A process a connection, and large transfers in both directions at once. */
#include "net.h"
static unsigned sum(const unsigned char *b, long n, unsigned s) { for (long i = 0; i < n; i++) s = s * 31 + b[i]; return s; }
static unsigned char big[1 << 21];
int main(void) {
  int l = listener(8), port = port_of(l); for (long i = 0; i < sizeof big; i++) big[i] = i * 13 + (i >> 9);
  for (int k = 0; k < 3; k++) { if (fork() == 0) { int x = accept(l, 0, 0); char b[3000]; long n; while ((n = read(x, b, sizeof b)) > 0) { for (long d = 0, r; d < n; d += r) r = write(x, b + d, n - d); } close(x); _exit(k + 1); } }
  for (int k = 0; k < 3; k++) { int c = client(port); if (fork() == 0) { for (long d = 0, r; d < sizeof big; d += r) r = write(c, big + d, sizeof big - d < 70001 ? sizeof big - d : 70001); shutdown(c, SHUT_WR); _exit(0); } unsigned char b[50000]; long n, got = 0; unsigned s = 0; while ((n = read(c, b, sizeof b)) > 0) { s = sum(b, n, s); got += n; } close(c); T(got); IS(s == sum(big, sizeof big, 0)); }
  int status, codes = 0; while (wait(&status) > 0) codes += WEXITSTATUS(status); T(codes);
}
