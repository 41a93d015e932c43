/* /proc/net: this program's own sockets, and the loopback interface. */
#include "net.h"
static void find(const char *file, int port) {
  char path[64], line[512], local[80], remote[80]; unsigned state, uid; snprintf(path, sizeof path, "/proc/net/%s", file); FILE *f = fopen(path, "r"); if (!f) { printf("%s: %s\n", path, strerrorname_np(errno)); return; }
  if (fgets(line, sizeof line, f)) { char *e = line + strlen(line); while (e > line && (e[-1] == ' ' || e[-1] == '\n')) *--e = 0; printf("%s\n", line); }
  while (fgets(line, sizeof line, f)) { unsigned tx, rx; if (sscanf(line, " %*d: %79[^ ] %79[^ ] %x %x:%x %*x:%*x %*x %u", local, remote, &state, &tx, &rx, &uid) != 6) continue; char *c = strchr(local, ':'); if (strtol(c + 1, 0, 16) != port) continue; *c = 0; char *d = strchr(remote, ':'); int rp = strtol(d + 1, 0, 16); *d = 0; printf("%s: %s %s %s state %02x uid %s rx %u\n", file, local, remote, rp ? "port" : "none", state, uid == getuid() ? "own" : "other", rx); }
  fclose(f);
}
int main(void) {
  int l = listener(5), u = udp("127.0.0.1"), v = socket(AF_INET6, SOCK_STREAM, 0), w = socket(AF_INET6, SOCK_DGRAM, 0); struct sockaddr_in6 six = in6("::1", 0), any = in6("::", 0); bind(v, SA(six)); listen(v, 1); bind(w, SA(any)); int c = client(port_of(l)), x = accept(l, 0, 0);
  find("tcp", port_of(l)); find("tcp", port_of(c)); find("udp", port_of(u)); find("tcp6", port_of(v)); find("udp6", port_of(w)); send(c, "abc", 3, 0); events(x, POLLIN, 1000); find("tcp", port_of(l)); struct sockaddr_in a = in4("127.0.0.1", port_of(u)); connect(u, SA(a)); find("udp", port_of(u));
  char line[256]; FILE *f = fopen("/proc/net/dev", "r"); while (fgets(line, sizeof line, f)) if (strchr(line, '|')) fputs(line, stdout); else if (strstr(line, " lo:")) puts("lo is there"); f = fopen("/proc/net/if_inet6", "r"); while (fgets(line, sizeof line, f)) if (strstr(line, " lo")) fputs(line, stdout); (void)x;
}
