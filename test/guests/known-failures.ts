/**
 * Guest programs that do not yet behave as natively, and why. They are required to fail: a row
 * whose program passes is an error, so that the list never outlives its reasons.
 */

export const KNOWN_FAILURES: Readonly<Record<string, string>> = {
  'files/fallocate.c': 'host folders: FALLOC_FL_PUNCH_HOLE answers EOPNOTSUPP',
  'files/fifo.c': 'host folders: no FIFOs (Node.js has no mknod)',
  'files/flock.c': 'flock(2) with undefined bits answers EINVAL, Linux ignores them',
  'files/open_flags.c': 'host folders: no O_TMPFILE',
  'files/read_write.c': 'read(2) at the end of a file checks the buffer, Linux does not',
  'memory/madvise.c': 'mincore(2) of a range after a gap: placement differs',
  'memory/mprotect.c': 'mprotect(2) over a huge range answers ENOMEM: placement differs',
  'metadata/stat.c': 'host folders: no FIFOs (Node.js has no mknod)',
  'metadata/utimens.c': 'host folders: times are exact to a microsecond (Node.js)',
  'metadata/xattr.c': 'host folders: no extended attributes (Node.js)',
  'names/getdents.c': 'host folders: no FIFOs (Node.js has no mknod)',
};
