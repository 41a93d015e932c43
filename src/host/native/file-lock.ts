/**
 * Advisory locks of whole files, flock(2): the kernel gives them back when the file is closed, however
 * a process ends. Only those who ask for one too are kept out.
 */

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

const SIGNATURES = {
  flock: { arguments: ['int32', 'int32'], return: 'int32' },
  __errno_location: { arguments: [], return: 'uint64' },
} as const;

/**
 * Locks an open file for reading or writing. False when others hold it; true also where there are no
 * such locks: without node:ffi, and on file systems that have none.
 */
export function tryLock(fd: number, mode: 'read' | 'write'): boolean {
  let ffi: typeof import('node:ffi') | undefined;
  let library: ReturnType<typeof import('node:ffi').dlopen>;
  try {
    ffi = process.getBuiltinModule('node:ffi');
    if (ffi === undefined) return true;
    library = ffi.dlopen('libc.so.6', SIGNATURES as never);
  } catch {
    return true;
  }
  const f = library.functions as unknown as Record<
    keyof typeof SIGNATURES,
    (...args: unknown[]) => unknown
  >;
  const errnoAt = BigInt(f.__errno_location() as bigint);
  const errno = new Int32Array(ffi.toArrayBuffer(errnoAt, 4, false));
  const kind = mode === 'read' ? LOCK_SH : LOCK_EX;
  return (f.flock(fd, kind | LOCK_NB) as number) === 0 || errno[0] !== EWOULDBLOCK;
}
