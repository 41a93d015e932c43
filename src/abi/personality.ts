/** Flags of personality(2) that have an effect here (`linux/personality.h`). */

/** Stacks, heaps and mappings of the next program lie where they lay last time. */
export const ADDR_NO_RANDOMIZE = 0x0004_0000;
/** What may be read may be executed; execve of a 64-bit program clears it. */
export const READ_IMPLIES_EXEC = 0x0040_0000;
/** The bits that say which system's programs it is for. */
export const PER_MASK = 0xff;
export const PER_LINUX32 = 8;
/** uname(2) gives a release 2.6 for programs that expect one. */
export const UNAME26 = 0x2_0000;
