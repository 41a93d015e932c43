/* netdevice(7), getifaddrs(3), if_nameindex(3): the loopback interface, which every machine has. */
#include "net.h"
#include <ifaddrs.h>
#include <net/if_arp.h>
int main(void) {
  int s = socket(AF_INET, SOCK_DGRAM, 0), x = socket(AF_UNIX, SOCK_DGRAM, 0), t = socket(AF_INET6, SOCK_STREAM, 0); struct ifreq r = {.ifr_name = "lo"}; struct ifaddrs *list, *i;
  T(ioctl(s, SIOCGIFINDEX, &r)); T(r.ifr_ifindex); T(ioctl(x, SIOCGIFFLAGS, &r)); HEX((unsigned short)r.ifr_flags); T(ioctl(t, SIOCGIFMTU, &r)); T(r.ifr_mtu); T(ioctl(s, SIOCGIFADDR, &r)); show("address", &r.ifr_addr, 16, 1); T(ioctl(s, SIOCGIFNETMASK, &r)); printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_netmask)->sin_addr)); T(ioctl(s, SIOCGIFBRDADDR, &r)); T(ioctl(s, SIOCGIFHWADDR, &r)); T(r.ifr_hwaddr.sa_family); bytes("hw", r.ifr_hwaddr.sa_data, 6); T(ioctl(s, SIOCGIFMETRIC, &r)); T(r.ifr_metric);
  r.ifr_ifindex = 1; memset(r.ifr_name, 0, 16); T(ioctl(s, SIOCGIFNAME, &r)); puts(r.ifr_name); r.ifr_ifindex = 9999; T(ioctl(s, SIOCGIFNAME, &r)); strcpy(r.ifr_name, "none0"); T(ioctl(s, SIOCGIFINDEX, &r)); T(ioctl(s, SIOCGIFADDR, &r)); T(ioctl(s, SIOCGIFINDEX, (void *)8)); char buf[4096]; struct ifconf c = {.ifc_len = sizeof buf, .ifc_buf = buf}; T(ioctl(s, SIOCGIFCONF, &c)); IS(c.ifc_len >= (int)sizeof(struct ifreq)); puts(c.ifc_req[0].ifr_name); c.ifc_len = 10; T(ioctl(s, SIOCGIFCONF, &c)); T(c.ifc_len);
  T(if_nametoindex("lo")); T(if_nametoindex("none0")); char n[IF_NAMESIZE]; puts(if_indextoname(1, n)); struct if_nameindex *all = if_nameindex(); printf("%u %s\n", all[0].if_index, all[0].if_name); T(getifaddrs(&list));
  for (i = list; i; i = i->ifa_next) { if (strcmp(i->ifa_name, "lo")) continue; printf("%s flags %#x family %d", i->ifa_name, i->ifa_flags, i->ifa_addr ? i->ifa_addr->sa_family : -1); char a[64]; if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET) printf(" %s/%s", inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, a, 64), inet_ntoa(((struct sockaddr_in *)i->ifa_netmask)->sin_addr)); if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6) printf(" %s", inet_ntop(AF_INET6, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, a, 64)); puts(""); }
}
