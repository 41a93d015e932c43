/** Guest memory as ioctl handlers see it; implemented by the kernel over an address space. */

export interface UserMemory {
  /** Copies in; false means EFAULT. */
  read(addr: number, target: Uint8Array): boolean;
  /** Copies out; false means EFAULT. */
  write(addr: number, source: Uint8Array): boolean;
}
