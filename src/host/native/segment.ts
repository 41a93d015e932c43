/** {@link MemorySegment} as a sealed-size memfd. The descriptor is the only owner of the pages. */

import type { Errno } from '../../abi/errno.table.ts';
import { assert } from '../../base/assert.ts';
import type { MemorySegment } from '../../mm/page-host.ts';
import type { NativeContext } from './context.ts';
import { PAGE } from './libc.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_FUTURE_WRITE = 16;
const EINTR = 4;
const ESPIPE = 29;

export class NativeSegment implements MemorySegment {
  readonly fd: number;
  readonly #native: NativeContext;
  readonly #whenGone: (segment: NativeSegment) => void;
  #sizeBytes: number;
  #closed = false;
  /** Unused slots may still show pages of it. */
  isKept = false;
  /** Its bytes may change without a call that is made here: somebody maps it shared. */
  isShared = false;
  /** Counts the calls that changed its bytes. */
  version = 0;

  constructor(
    native: NativeContext,
    fd: number,
    sizeBytes: number,
    whenGone: (segment: NativeSegment) => void,
  ) {
    this.#native = native;
    this.#whenGone = whenGone;
    this.fd = fd;
    this.#sizeBytes = sizeBytes;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  resize(sizeBytes: number): Errno | 0 {
    assert(!this.#closed && sizeBytes >= 0 && Number.isSafeInteger(sizeBytes));
    this.version++;
    const result = this.#native.sys.ftruncate(this.fd, sizeBytes);
    if (result === 0) this.#sizeBytes = sizeBytes;
    return toErrno(result);
  }

  read(offset: number, target: Uint8Array): Errno | 0 {
    return this.#transfer(offset, target, false);
  }

  write(offset: number, source: Uint8Array): Errno | 0 {
    return this.#transfer(offset, source, true);
  }

  /** Through the bounce buffer: small arrays live in V8's heap and move. */
  #transfer(offset: number, bytes: Uint8Array, isWrite: boolean): Errno | 0 {
    assert(!this.#closed && offset >= 0);
    assert(offset + bytes.length <= this.#sizeBytes, 'transfer beyond the segment');
    if (isWrite) this.version++;
    const { bounce, bounceAddress, sys } = this.#native;
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(bounce.length, bytes.length - done);
      if (isWrite) bounce.set(bytes.subarray(done, done + count));
      const result = isWrite
        ? sys.pwrite(this.fd, bounceAddress, count, offset + done)
        : sys.pread(this.fd, bounceAddress, count, offset + done);
      if (result === -EINTR) continue;
      if (result <= 0) return toErrno(result === 0 ? -5 : result);
      if (!isWrite) bytes.set(bounce.subarray(0, result), done);
      done += result;
    }
    return 0;
  }

  /** From memory that does not move: `address` is that of a sandbox's pages. */
  writeFrom(offset: number, address: number, length: number): Errno | 0 {
    assert(!this.#closed && offset >= 0 && offset + length <= this.#sizeBytes);
    this.version++;
    for (let done = 0; done < length; ) {
      const result = this.#native.sys.pwrite(this.fd, address + done, length - done, offset + done);
      if (result === -EINTR) continue;
      if (result <= 0) return toErrno(result === 0 ? -5 : result);
      done += result;
    }
    return 0;
  }

  /** {@link PageSegment.copyFrom} of vfs, by sendfile(2). */
  copyFrom(offset: number, descriptor: number, position: number, length: number): number {
    assert(!this.#closed && offset >= 0 && offset + length <= this.#sizeBytes);
    this.version++;
    const { bounce, bounceAddress, sys } = this.#native;
    const at = new BigInt64Array(bounce.buffer, bounce.byteOffset, 1);
    at[0] = BigInt(position);
    let done = sys.seekTo(this.fd, offset) < 0 ? -ESPIPE : 0;
    while (done >= 0 && done < length) {
      const result = sys.sendfile(this.fd, descriptor, bounceAddress, length - done);
      if (result === -EINTR) continue;
      if (result === 0) break;
      done = result < 0 ? result : done + result;
    }
    return done;
  }

  /** To memory that does not move. */
  readTo(offset: number, address: number, length: number): Errno | 0 {
    assert(!this.#closed && offset >= 0 && offset + length <= this.#sizeBytes);
    for (let done = 0; done < length; ) {
      const result = this.#native.sys.pread(this.fd, address + done, length - done, offset + done);
      if (result === -EINTR) continue;
      if (result <= 0) return toErrno(result === 0 ? -5 : result);
      done += result;
    }
    return 0;
  }

  punch(offset: number, length: number): Errno | 0 {
    assert(!this.#closed && length > 0);
    this.version++;
    const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
    return toErrno(this.#native.sys.fallocate(this.fd, mode, offset, length));
  }

  freeze(): void {
    this.isShared = false;
    this.version++;
  }

  seal(): void {
    const seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;
    const result = this.#native.sys.fcntl(this.fd, F_ADD_SEALS, seals);
    assert(result === 0, 'sealing a segment');
  }

  /** Whole pages of it, counted from `offset`, exist. */
  covers(offset: number, length: number): boolean {
    return offset % PAGE === 0 && offset + length <= Math.ceil(this.#sizeBytes / PAGE) * PAGE;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.sys.close(this.fd);
    if (this.isKept) this.#whenGone(this);
  }
}

/** -errno or 0 of a raw call as `Errno | 0`. */
export function toErrno(result: number): Errno | 0 {
  return (result < 0 ? -result : 0) as Errno | 0;
}
