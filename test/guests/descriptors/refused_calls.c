#include "files.h"
#include <sys/quota.h>
#include <sys/swap.h>
/* Calls about the whole machine, tried without rights: what is refused, and how. */
static void user(void) { T(quotactl(QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL)); T(quotactl(QCMD(Q_GETQUOTA, USRQUOTA), "/dev/none", 0, NULL)); T(syscall(SYS_acct, "f")); T(syscall(SYS_acct, NULL)); T(swapon("f", 0)); T(swapoff("f")); T(syscall(SYS_mount, "none", "d", "tmpfs", 0, NULL)); T(syscall(SYS_umount2, "d", 0)); T(syscall(SYS_pivot_root, "d", "d")); T(chroot("d")); T(syscall(SYS_init_module, NULL, 0, "")); T(syscall(SYS_delete_module, "x", 0)); T(syscall(SYS_reboot, 0, 0, 0, 0)); T(syscall(SYS_vhangup)); T(syscall(SYS_iopl, 3)); T(syscall(SYS_ioperm, 0, 1, 1)); T(syscall(SYS_kexec_load, 0, 0, NULL, 0)); T(syscall(SYS_sethostname, "x", 1)); T(syscall(SYS_nfsservctl)); T(syscall(SYS_uselib, "x")); T(syscall(SYS__sysctl, NULL)); T(syscall(SYS_lookup_dcookie, 0, NULL, 0)); T(syscall(10000)); T(syscall(-1)); T(syscall(SYS_getpmsg)); T(syscall(SYS_vserver)); T(syscall(SYS_security)); T(syscall(SYS_tuxcall)); }
int main(void) { chmod(".", 0777); put("f", "x"); mkdir("d", 0755); AS_USER(user); }
