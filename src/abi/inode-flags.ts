/** ioctl(2) on files and the flags of inodes: `include/uapi/linux/fs.h`, ioctl_iflags(2). */

export const FIGETBSZ = 2;
export const FIOQSIZE = 0x5460;
/** Sharing of blocks between files, ioctl_ficlone(2). */
export const FICLONE = 0x4004_9409;
export const FICLONERANGE = 0x4020_940d;
export const FIDEDUPERANGE = 0xc018_9436;
export const FS_IOC_GETFLAGS = 0x8008_6601;
export const FS_IOC_SETFLAGS = 0x4008_6602;

export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;
