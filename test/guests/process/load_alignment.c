// flags: -pie -fPIE -Wl,-z,max-page-size=0x200000
#include "../check.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
/* A program that can be loaded anywhere stands where its segments are aligned as they ask. */
static int see(struct dl_phdr_info *info, size_t size, void *data) {
  unsigned long most = 0;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_align > most) most = info->dlpi_phdr[i].p_align;
  HEX(most);
  HEX(info->dlpi_addr % most);
  return 1;
}
static int value = 42;
int main(int argc, char **argv) {
  dl_iterate_phdr(see, NULL);
  printf("%d\n", value);
  fflush(stdout);
  if (argc == 1) execl("/proc/self/exe", "again", "x", NULL);
  return 0;
}
