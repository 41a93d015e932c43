/** Layouts of struct stat, statx, statfs and dirent64 (x86-64): byte offsets. */

/** `arch/x86/include/uapi/asm/stat.h`, 64-bit struct stat. */
export const STAT = {
  bytes: 144,
  dev: 0,
  ino: 8,
  nlink: 16,
  mode: 24,
  uid: 28,
  gid: 32,
  rdev: 40,
  size: 48,
  blksize: 56,
  blocks: 64,
  atimeSec: 72,
  atimeNsec: 80,
  mtimeSec: 88,
  mtimeNsec: 96,
  ctimeSec: 104,
  ctimeNsec: 112,
} as const;

/** `include/uapi/linux/stat.h`, struct statx. */
export const STATX = {
  bytes: 256,
  mask: 0,
  blksize: 4,
  attributes: 8,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  blocks: 48,
  attributesMask: 56,
  atimeSec: 64,
  atimeNsec: 72,
  btimeSec: 80,
  btimeNsec: 88,
  ctimeSec: 96,
  ctimeNsec: 104,
  mtimeSec: 112,
  mtimeNsec: 120,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
  mountId: 144,
  dioMemAlign: 152,
  dioOffsetAlign: 156,
} as const;

export const STATX_TYPE = 0x001;
export const STATX_MODE = 0x002;
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;
export const STATX_MNT_ID = 0x1000;
export const STATX_RESERVED = 0x8000_0000;
export const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** `include/uapi/asm-generic/statfs.h`, struct statfs with 64-bit words. */
export const STATFS = {
  bytes: 120,
  type: 0,
  bsize: 8,
  blocks: 16,
  bfree: 24,
  bavail: 32,
  files: 40,
  ffree: 48,
  fsid: 56,
  namelen: 64,
  frsize: 72,
  flags: 80,
} as const;

/** `include/linux/dirent.h`, struct linux_dirent64; the name follows, zero-terminated. */
export const DIRENT64 = { ino: 0, off: 8, reclen: 16, type: 18, name: 19 } as const;
/** struct linux_dirent of getdents(2): the type is the last byte of the record. */
export const DIRENT = { ino: 0, off: 8, reclen: 16, name: 18 } as const;

/** struct flock (64-bit). */
export const FLOCK = { bytes: 32, type: 0, whence: 2, start: 8, len: 16, pid: 24 } as const;

/** `include/uapi/linux/magic.h`: f_type of statfs(2). */
export const TMPFS_MAGIC = 0x01021994;
export const NSFS_MAGIC = 0x6e736673;
export const PROC_SUPER_MAGIC = 0x9fa0;
export const DEVPTS_SUPER_MAGIC = 0x1cd1;
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const EXT4_SUPER_MAGIC = 0xef53;
export const PIPEFS_MAGIC = 0x50495045;
export const SOCKFS_MAGIC = 0x534f434b;
export const ANON_INODE_FS_MAGIC = 0x09041934;
export const SYSFS_MAGIC = 0x62656572;
export const V9FS_MAGIC = 0x01021997;
/** EROFS: what the measured image shows, a read-only verified file system. */
export const EROFS_SUPER_MAGIC = 0xe0f5e1e2;

/** f_flags of statfs(2). */
export const ST_RDONLY = 1;
export const ST_NOSUID = 2;
export const ST_NODEV = 4;
export const ST_NOEXEC = 8;
export const ST_VALID = 0x20;
export const ST_NOATIME = 0x400;
export const ST_NODIRATIME = 0x800;
export const ST_RELATIME = 0x1000;
