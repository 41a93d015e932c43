/** Branded numbers: values of the same machine type that must not be mixed. */

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A file descriptor of a guest process. */
export type Fd = Brand<number, 'Fd'>;
export type Pid = Brand<number, 'Pid'>;
export type Tid = Brand<number, 'Tid'>;
/** An inode number. */
export type Ino = Brand<number, 'Ino'>;
/** An address as the guest sees it: an offset below 2^32 into its sandbox. */
export type GuestAddr = Brand<number, 'GuestAddr'>;
/** An address of the host process: below 2^47, so exact in a double. */
export type HostAddr = Brand<number, 'HostAddr'>;
