/* Options of sockets that every kernel of the last years has: what they start with, and what may be set. */
#include "check.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void get(int s, int level, int option) {
  int value = -99;
  socklen_t n = 4;
  long r = getsockopt(s, level, option, &value, &n);
  printf("get %d %d: %s %d\n", level, option, r ? strerrorname_np(errno) : "", r ? 0 : value);
}
static void set(int s, int level, int option, int value) {
  long r = setsockopt(s, level, option, &value, 4);
  printf("set %d %d %d: %s\n", level, option, value, r ? strerrorname_np(errno) : "");
  get(s, level, option);
}

int main(void) {
  int kinds[][2] = {{AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM}, {AF_INET, SOCK_STREAM}, {AF_INET6, SOCK_STREAM}, {AF_INET, SOCK_DGRAM}, {AF_INET6, SOCK_DGRAM}};
  int general[] = {SO_DEBUG, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_NO_CHECK, SO_PRIORITY, SO_BSDCOMPAT, SO_REUSEPORT, SO_RCVLOWAT, SO_SNDLOWAT, SO_TIMESTAMP, SO_ACCEPTCONN, SO_TIMESTAMPNS, SO_MARK, SO_PROTOCOL, SO_DOMAIN, SO_RXQ_OVFL, SO_PEEK_OFF, SO_SELECT_ERR_QUEUE, SO_BUSY_POLL, SO_DETACH_FILTER, 9999};
  for (int i = 0; i < 6; i++) {
    int s = socket(kinds[i][0], kinds[i][1], 0), is_stream = kinds[i][1] == SOCK_STREAM;
    printf("family %d type %d\n", kinds[i][0], kinds[i][1]);
    for (unsigned k = 0; k < sizeof general / sizeof *general; k++) get(s, SOL_SOCKET, general[k]);
    for (unsigned k = 0; k < sizeof general / sizeof *general; k++) if (general[k] != SO_DETACH_FILTER) set(s, SOL_SOCKET, general[k], 2);
    struct linger l = {1, 5};
    socklen_t n = sizeof l;
    T(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l)); l = (struct linger){0, 9}; T(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l)); T(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &n)); printf("linger %d %d\n", l.l_onoff, l.l_linger);
    get(s, 12345, 1); get(s, SOL_TCP, kinds[i][0] == AF_UNIX ? 1 : 12345);
    if (kinds[i][0] == AF_UNIX) continue;
    int of_ip[] = {IP_RECVOPTS, IP_RETOPTS, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_MULTICAST_ALL};
    for (unsigned k = 0; k < sizeof of_ip / sizeof *of_ip; k++) { get(s, SOL_IP, of_ip[k]); set(s, SOL_IP, of_ip[k], 0); }
    int of_ipv6[] = {IPV6_2292PKTINFO, IPV6_2292HOPLIMIT, IPV6_RECVHOPOPTS, IPV6_RECVRTHDR, IPV6_RECVDSTOPTS, IPV6_RECVPATHMTU, IPV6_AUTOFLOWLABEL, IPV6_RECVORIGDSTADDR, IPV6_FREEBIND, IPV6_TRANSPARENT, IPV6_MINHOPCOUNT, IPV6_MULTICAST_ALL};
    for (unsigned k = 0; kinds[i][0] == AF_INET6 && k < sizeof of_ipv6 / sizeof *of_ipv6; k++) set(s, SOL_IPV6, of_ipv6[k], 1);
    if (!is_stream) continue;
    set(s, SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1); set(s, SOL_TCP, TCP_THIN_DUPACK, 2); set(s, SOL_TCP, TCP_SAVE_SYN, 1); set(s, SOL_TCP, 36 /* TCP_INQ */, 2); set(s, SOL_TCP, 36, 1);
  }
}
