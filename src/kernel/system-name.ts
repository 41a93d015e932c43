/** What uname(2) and /proc/version call this kernel: a current Linux, as programs expect. */

export const SYSTEM_NAME = 'Linux';
export const RELEASE = '6.12.0-cloister';
/** For programs under UNAME26: `override_release` of 6.12. */
export const RELEASE_26 = '2.6.72-cloister';
export const VERSION = '#1 SMP PREEMPT_DYNAMIC Cloister';
export const MACHINE = 'x86_64';
/** For programs under PER_LINUX32. */
export const MACHINE_32 = 'i686';
