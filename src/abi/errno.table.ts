/**
 * Linux x86-64 error numbers: `include/uapi/asm-generic/errno-base.h` and `errno.h`.
 * System calls answer `-errno` as a plain number; the names here are the positive numbers.
 */

import type { Brand } from '../base/brand.ts';

export type Errno = Brand<number, 'Errno'>;

const e = (value: number) => value as Errno;

/** Operation not permitted */
export const EPERM = e(1);
/** No such file or directory */
export const ENOENT = e(2);
/** No such process */
export const ESRCH = e(3);
/** Interrupted system call */
export const EINTR = e(4);
/** Input/output error */
export const EIO = e(5);
/** No such device or address */
export const ENXIO = e(6);
/** Argument list too long */
export const E2BIG = e(7);
/** Exec format error */
export const ENOEXEC = e(8);
/** Bad file descriptor */
export const EBADF = e(9);
/** No child processes */
export const ECHILD = e(10);
/** Resource temporarily unavailable */
export const EAGAIN = e(11);
/** Cannot allocate memory */
export const ENOMEM = e(12);
/** Permission denied */
export const EACCES = e(13);
/** Bad address */
export const EFAULT = e(14);
/** Block device required */
export const ENOTBLK = e(15);
/** Device or resource busy */
export const EBUSY = e(16);
/** File exists */
export const EEXIST = e(17);
/** Invalid cross-device link */
export const EXDEV = e(18);
/** No such device */
export const ENODEV = e(19);
/** Not a directory */
export const ENOTDIR = e(20);
/** Is a directory */
export const EISDIR = e(21);
/** Invalid argument */
export const EINVAL = e(22);
/** Too many open files in system */
export const ENFILE = e(23);
/** Too many open files */
export const EMFILE = e(24);
/** Inappropriate ioctl for device */
export const ENOTTY = e(25);
/** Text file busy */
export const ETXTBSY = e(26);
/** File too large */
export const EFBIG = e(27);
/** No space left on device */
export const ENOSPC = e(28);
/** Illegal seek */
export const ESPIPE = e(29);
/** Read-only file system */
export const EROFS = e(30);
/** Too many links */
export const EMLINK = e(31);
/** Broken pipe */
export const EPIPE = e(32);
/** Numerical argument out of domain */
export const EDOM = e(33);
/** Numerical result out of range */
export const ERANGE = e(34);
/** Resource deadlock avoided */
export const EDEADLK = e(35);
/** File name too long */
export const ENAMETOOLONG = e(36);
/** No locks available */
export const ENOLCK = e(37);
/** Function not implemented */
export const ENOSYS = e(38);
/** Directory not empty */
export const ENOTEMPTY = e(39);
/** Too many levels of symbolic links */
export const ELOOP = e(40);
/** No message of desired type */
export const ENOMSG = e(42);
/** Identifier removed */
export const EIDRM = e(43);
/** Channel number out of range */
export const ECHRNG = e(44);
/** Level 2 not synchronized */
export const EL2NSYNC = e(45);
/** Level 3 halted */
export const EL3HLT = e(46);
/** Level 3 reset */
export const EL3RST = e(47);
/** Link number out of range */
export const ELNRNG = e(48);
/** Protocol driver not attached */
export const EUNATCH = e(49);
/** No CSI structure available */
export const ENOCSI = e(50);
/** Level 2 halted */
export const EL2HLT = e(51);
/** Invalid exchange */
export const EBADE = e(52);
/** Invalid request descriptor */
export const EBADR = e(53);
/** Exchange full */
export const EXFULL = e(54);
/** No anode */
export const ENOANO = e(55);
/** Invalid request code */
export const EBADRQC = e(56);
/** Invalid slot */
export const EBADSLT = e(57);
/** Bad font file format */
export const EBFONT = e(59);
/** Device not a stream */
export const ENOSTR = e(60);
/** No data available */
export const ENODATA = e(61);
/** Timer expired */
export const ETIME = e(62);
/** Out of streams resources */
export const ENOSR = e(63);
/** Machine is not on the network */
export const ENONET = e(64);
/** Package not installed */
export const ENOPKG = e(65);
/** Object is remote */
export const EREMOTE = e(66);
/** Link has been severed */
export const ENOLINK = e(67);
/** Advertise error */
export const EADV = e(68);
/** Srmount error */
export const ESRMNT = e(69);
/** Communication error on send */
export const ECOMM = e(70);
/** Protocol error */
export const EPROTO = e(71);
/** Multihop attempted */
export const EMULTIHOP = e(72);
/** RFS specific error */
export const EDOTDOT = e(73);
/** Bad message */
export const EBADMSG = e(74);
/** Value too large for defined data type */
export const EOVERFLOW = e(75);
/** Name not unique on network */
export const ENOTUNIQ = e(76);
/** File descriptor in bad state */
export const EBADFD = e(77);
/** Remote address changed */
export const EREMCHG = e(78);
/** Can not access a needed shared library */
export const ELIBACC = e(79);
/** Accessing a corrupted shared library */
export const ELIBBAD = e(80);
/** .lib section in a.out corrupted */
export const ELIBSCN = e(81);
/** Attempting to link in too many shared libraries */
export const ELIBMAX = e(82);
/** Cannot exec a shared library directly */
export const ELIBEXEC = e(83);
/** Invalid or incomplete multibyte or wide character */
export const EILSEQ = e(84);
/** Interrupted system call should be restarted */
export const ERESTART = e(85);
/** Streams pipe error */
export const ESTRPIPE = e(86);
/** Too many users */
export const EUSERS = e(87);
/** Socket operation on non-socket */
export const ENOTSOCK = e(88);
/** Destination address required */
export const EDESTADDRREQ = e(89);
/** Message too long */
export const EMSGSIZE = e(90);
/** Protocol wrong type for socket */
export const EPROTOTYPE = e(91);
/** Protocol not available */
export const ENOPROTOOPT = e(92);
/** Protocol not supported */
export const EPROTONOSUPPORT = e(93);
/** Socket type not supported */
export const ESOCKTNOSUPPORT = e(94);
/** Operation not supported */
export const EOPNOTSUPP = e(95);
/** Protocol family not supported */
export const EPFNOSUPPORT = e(96);
/** Address family not supported by protocol */
export const EAFNOSUPPORT = e(97);
/** Address already in use */
export const EADDRINUSE = e(98);
/** Cannot assign requested address */
export const EADDRNOTAVAIL = e(99);
/** Network is down */
export const ENETDOWN = e(100);
/** Network is unreachable */
export const ENETUNREACH = e(101);
/** Network dropped connection on reset */
export const ENETRESET = e(102);
/** Software caused connection abort */
export const ECONNABORTED = e(103);
/** Connection reset by peer */
export const ECONNRESET = e(104);
/** No buffer space available */
export const ENOBUFS = e(105);
/** Transport endpoint is already connected */
export const EISCONN = e(106);
/** Transport endpoint is not connected */
export const ENOTCONN = e(107);
/** Cannot send after transport endpoint shutdown */
export const ESHUTDOWN = e(108);
/** Too many references: cannot splice */
export const ETOOMANYREFS = e(109);
/** Connection timed out */
export const ETIMEDOUT = e(110);
/** Connection refused */
export const ECONNREFUSED = e(111);
/** Host is down */
export const EHOSTDOWN = e(112);
/** No route to host */
export const EHOSTUNREACH = e(113);
/** Operation already in progress */
export const EALREADY = e(114);
/** Operation now in progress */
export const EINPROGRESS = e(115);
/** Stale file handle */
export const ESTALE = e(116);
/** Structure needs cleaning */
export const EUCLEAN = e(117);
/** Not a XENIX named type file */
export const ENOTNAM = e(118);
/** No XENIX semaphores available */
export const ENAVAIL = e(119);
/** Is a named type file */
export const EISNAM = e(120);
/** Remote I/O error */
export const EREMOTEIO = e(121);
/** Disk quota exceeded */
export const EDQUOT = e(122);
/** No medium found */
export const ENOMEDIUM = e(123);
/** Wrong medium type */
export const EMEDIUMTYPE = e(124);
/** Operation canceled */
export const ECANCELED = e(125);
/** Required key not available */
export const ENOKEY = e(126);
/** Key has expired */
export const EKEYEXPIRED = e(127);
/** Key has been revoked */
export const EKEYREVOKED = e(128);
/** Key was rejected by service */
export const EKEYREJECTED = e(129);
/** Owner died */
export const EOWNERDEAD = e(130);
/** State not recoverable */
export const ENOTRECOVERABLE = e(131);
/** Operation not possible due to RF-kill */
export const ERFKILL = e(132);
/** Memory page has hardware error */
export const EHWPOISON = e(133);
export const EWOULDBLOCK = EAGAIN;
export const ENOTSUP = EOPNOTSUPP;

/** Names by number, for traces. Index 0 is empty. */
export const ERRNO_NAMES: readonly string[] = [
  '',
  'EPERM',
  'ENOENT',
  'ESRCH',
  'EINTR',
  'EIO',
  'ENXIO',
  'E2BIG',
  'ENOEXEC',
  'EBADF',
  'ECHILD',
  'EAGAIN',
  'ENOMEM',
  'EACCES',
  'EFAULT',
  'ENOTBLK',
  'EBUSY',
  'EEXIST',
  'EXDEV',
  'ENODEV',
  'ENOTDIR',
  'EISDIR',
  'EINVAL',
  'ENFILE',
  'EMFILE',
  'ENOTTY',
  'ETXTBSY',
  'EFBIG',
  'ENOSPC',
  'ESPIPE',
  'EROFS',
  'EMLINK',
  'EPIPE',
  'EDOM',
  'ERANGE',
  'EDEADLK',
  'ENAMETOOLONG',
  'ENOLCK',
  'ENOSYS',
  'ENOTEMPTY',
  'ELOOP',
  '',
  'ENOMSG',
  'EIDRM',
  'ECHRNG',
  'EL2NSYNC',
  'EL3HLT',
  'EL3RST',
  'ELNRNG',
  'EUNATCH',
  'ENOCSI',
  'EL2HLT',
  'EBADE',
  'EBADR',
  'EXFULL',
  'ENOANO',
  'EBADRQC',
  'EBADSLT',
  '',
  'EBFONT',
  'ENOSTR',
  'ENODATA',
  'ETIME',
  'ENOSR',
  'ENONET',
  'ENOPKG',
  'EREMOTE',
  'ENOLINK',
  'EADV',
  'ESRMNT',
  'ECOMM',
  'EPROTO',
  'EMULTIHOP',
  'EDOTDOT',
  'EBADMSG',
  'EOVERFLOW',
  'ENOTUNIQ',
  'EBADFD',
  'EREMCHG',
  'ELIBACC',
  'ELIBBAD',
  'ELIBSCN',
  'ELIBMAX',
  'ELIBEXEC',
  'EILSEQ',
  'ERESTART',
  'ESTRPIPE',
  'EUSERS',
  'ENOTSOCK',
  'EDESTADDRREQ',
  'EMSGSIZE',
  'EPROTOTYPE',
  'ENOPROTOOPT',
  'EPROTONOSUPPORT',
  'ESOCKTNOSUPPORT',
  'EOPNOTSUPP',
  'EPFNOSUPPORT',
  'EAFNOSUPPORT',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'ENETDOWN',
  'ENETUNREACH',
  'ENETRESET',
  'ECONNABORTED',
  'ECONNRESET',
  'ENOBUFS',
  'EISCONN',
  'ENOTCONN',
  'ESHUTDOWN',
  'ETOOMANYREFS',
  'ETIMEDOUT',
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EALREADY',
  'EINPROGRESS',
  'ESTALE',
  'EUCLEAN',
  'ENOTNAM',
  'ENAVAIL',
  'EISNAM',
  'EREMOTEIO',
  'EDQUOT',
  'ENOMEDIUM',
  'EMEDIUMTYPE',
  'ECANCELED',
  'ENOKEY',
  'EKEYEXPIRED',
  'EKEYREVOKED',
  'EKEYREJECTED',
  'EOWNERDEAD',
  'ENOTRECOVERABLE',
  'ERFKILL',
  'EHWPOISON',
];

/** The texts of strerror(3), by number. */
export const ERRNO_TEXTS: readonly string[] = [
  'Success',
  'Operation not permitted',
  'No such file or directory',
  'No such process',
  'Interrupted system call',
  'Input/output error',
  'No such device or address',
  'Argument list too long',
  'Exec format error',
  'Bad file descriptor',
  'No child processes',
  'Resource temporarily unavailable',
  'Cannot allocate memory',
  'Permission denied',
  'Bad address',
  'Block device required',
  'Device or resource busy',
  'File exists',
  'Invalid cross-device link',
  'No such device',
  'Not a directory',
  'Is a directory',
  'Invalid argument',
  'Too many open files in system',
  'Too many open files',
  'Inappropriate ioctl for device',
  'Text file busy',
  'File too large',
  'No space left on device',
  'Illegal seek',
  'Read-only file system',
  'Too many links',
  'Broken pipe',
  'Numerical argument out of domain',
  'Numerical result out of range',
  'Resource deadlock avoided',
  'File name too long',
  'No locks available',
  'Function not implemented',
  'Directory not empty',
  'Too many levels of symbolic links',
  '',
  'No message of desired type',
  'Identifier removed',
  'Channel number out of range',
  'Level 2 not synchronized',
  'Level 3 halted',
  'Level 3 reset',
  'Link number out of range',
  'Protocol driver not attached',
  'No CSI structure available',
  'Level 2 halted',
  'Invalid exchange',
  'Invalid request descriptor',
  'Exchange full',
  'No anode',
  'Invalid request code',
  'Invalid slot',
  '',
  'Bad font file format',
  'Device not a stream',
  'No data available',
  'Timer expired',
  'Out of streams resources',
  'Machine is not on the network',
  'Package not installed',
  'Object is remote',
  'Link has been severed',
  'Advertise error',
  'Srmount error',
  'Communication error on send',
  'Protocol error',
  'Multihop attempted',
  'RFS specific error',
  'Bad message',
  'Value too large for defined data type',
  'Name not unique on network',
  'File descriptor in bad state',
  'Remote address changed',
  'Can not access a needed shared library',
  'Accessing a corrupted shared library',
  '.lib section in a.out corrupted',
  'Attempting to link in too many shared libraries',
  'Cannot exec a shared library directly',
  'Invalid or incomplete multibyte or wide character',
  'Interrupted system call should be restarted',
  'Streams pipe error',
  'Too many users',
  'Socket operation on non-socket',
  'Destination address required',
  'Message too long',
  'Protocol wrong type for socket',
  'Protocol not available',
  'Protocol not supported',
  'Socket type not supported',
  'Operation not supported',
  'Protocol family not supported',
  'Address family not supported by protocol',
  'Address already in use',
  'Cannot assign requested address',
  'Network is down',
  'Network is unreachable',
  'Network dropped connection on reset',
  'Software caused connection abort',
  'Connection reset by peer',
  'No buffer space available',
  'Transport endpoint is already connected',
  'Transport endpoint is not connected',
  'Cannot send after transport endpoint shutdown',
  'Too many references: cannot splice',
  'Connection timed out',
  'Connection refused',
  'Host is down',
  'No route to host',
  'Operation already in progress',
  'Operation now in progress',
  'Stale file handle',
  'Structure needs cleaning',
  'Not a XENIX named type file',
  'No XENIX semaphores available',
  'Is a named type file',
  'Remote I/O error',
  'Disk quota exceeded',
  'No medium found',
  'Wrong medium type',
  'Operation canceled',
  'Required key not available',
  'Key has expired',
  'Key has been revoked',
  'Key was rejected by service',
  'Owner died',
  'State not recoverable',
  'Operation not possible due to RF-kill',
  'Memory page has hardware error',
];
