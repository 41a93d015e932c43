/**
 * /proc/config.gz: the options of a kernel that has what this one has. Test suites ask it before
 * they try something (proc(5)); what is missing is named, too, as the real file does.
 */

import { bytesOf } from '../../vfs/byte-string.ts';

/** In the words of `Kconfig`. */
const PRESENT =
  '64BIT X86_64 X86 MMU SMP MULTIUSER PRINTK BUG ELF_CORE FUTEX FUTEX_PI EPOLL SIGNALFD TIMERFD ' +
  'EVENTFD SHMEM AIO ADVISE_SYSCALLS MEMBARRIER KCMP POSIX_TIMERS HIGH_RES_TIMERS SYSVIPC ' +
  'SYSVIPC_SYSCTL POSIX_MQUEUE POSIX_MQUEUE_SYSCTL CROSS_MEMORY_ATTACH FHANDLE SYSFS_SYSCALL ' +
  'SGETMASK_SYSCALL NAMESPACES SECCOMP SECCOMP_FILTER BINFMT_ELF BINFMT_SCRIPT COREDUMP ' +
  'FILE_LOCKING MANDATORY_FILE_LOCKING DNOTIFY INOTIFY_USER PROC_FS PROC_SYSCTL PROC_CHILDREN ' +
  'PROC_PAGE_MONITOR TMPFS TMPFS_XATTR MEMFD_CREATE NET UNIX INET IPV6 TTY UNIX98_PTYS KEYS ' +
  'PERSISTENT_KEYRINGS IKCONFIG IKCONFIG_PROC SYSCTL TASK_IO_ACCOUNTING BASE_FULL ' +
  'HAVE_ARCH_SECCOMP_FILTER';

const MISSING =
  'UTS_NS IPC_NS USER_NS PID_NS NET_NS TIME_NS CGROUPS MEMCG CPUSETS CHECKPOINT_RESTORE ' +
  'FANOTIFY FANOTIFY_ACCESS_PERMISSIONS IO_URING USERFAULTFD BPF BPF_SYSCALL PERF_EVENTS RSEQ ' +
  'KALLSYMS MODULES KEXEC KEXEC_FILE NUMA SWAP KSM HUGETLBFS HUGETLB_PAGE TRANSPARENT_HUGEPAGE ' +
  'SECRETMEM USELIB X86_VSYSCALL_EMULATION MODIFY_LDT_SYSCALL X86_IOPL_IOPERM X86_USER_SHADOW_STACK ' +
  'X86_INTEL_MEMORY_PROTECTION_KEYS TMPFS_POSIX_ACL QUOTA QFMT_V2 BSD_PROCESS_ACCT PACKET TUN ' +
  'VSOCKETS BRIDGE NETFILTER NF_TABLES BLOCK BLK_DEV_LOOP BLK_DEV_RAM EXT4_FS XFS_FS BTRFS_FS ' +
  'VFAT_FS FUSE_FS OVERLAY_FS NFS_FS FS_VERITY FS_ENCRYPTION CRYPTO CRYPTO_USER_API BIG_KEYS ' +
  'ENCRYPTED_KEYS TRUSTED_KEYS ASYMMETRIC_KEY_TYPE KEY_DH_OPERATIONS KEY_NOTIFICATIONS ' +
  'SECURITY SECURITY_LANDLOCK SECURITY_SELINUX SECURITY_APPARMOR SECURITY_LOCKDOWN_LSM ' +
  'SECURITY_YAMA FTRACE KPROBES TRACING DEBUG_FS FAULT_INJECTION KASAN PROVE_LOCKING LOCKDEP ' +
  'SCHED_DEBUG SCHED_AUTOGROUP RT_GROUP_SCHED CFS_BANDWIDTH PSI TASKSTATS PREEMPT_RT UNIX_DIAG ' +
  'INET_DIAG LEGACY_PTYS LEGACY_TIOCSTI IP_MULTICAST IP_SCTP MPTCP CAN KVM INPUT_UINPUT';

function configText(release: string): string {
  const has = PRESENT.split(' ').map((name) => `CONFIG_${name}=y\n`);
  const lacks = MISSING.split(' ').map((name) => `# CONFIG_${name} is not set\n`);
  return `#\n# Linux/x86_64 ${release} Kernel Configuration\n#\n${[...has, ...lacks].join('')}`;
}

/** The file for a kernel of that release. */
export const kernelConfig = (release: string): Uint8Array =>
  gzipStored(bytesOf(configText(release)));

const MOST_STORED_BYTES = 65535;
const HEAD = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);

/** RFC 1952, with one block of RFC 1951 that is stored as it is. */
function gzipStored(bytes: Uint8Array): Uint8Array {
  const length = Math.min(bytes.length, MOST_STORED_BYTES);
  const out = new Uint8Array(HEAD.length + 5 + length + 8);
  const view = new DataView(out.buffer);
  out.set(HEAD);
  out[HEAD.length] = 1;
  view.setUint16(HEAD.length + 1, length, true);
  view.setUint16(HEAD.length + 3, ~length & 0xffff, true);
  out.set(bytes.subarray(0, length), HEAD.length + 5);
  const end = HEAD.length + 5 + length;
  view.setUint32(end, crc32(bytes.subarray(0, length)), true);
  view.setUint32(end + 4, length, true);
  return out;
}

/** RFC 1952, 8. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb88320);
  }
  return ~crc >>> 0;
}
