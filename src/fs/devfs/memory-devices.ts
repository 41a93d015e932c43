/** null(4), zero(4), full(4), random(4). */

import { EBADF, EFAULT, EINVAL, ENOSPC } from '../../abi/errno.table.ts';
import type { Entropy } from '../../base/interfaces.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';
import type { UserMemory } from '../../vfs/user-memory.ts';

/** A device without a position: every offset is as good as another. */
abstract class PlainDevice extends OpenFile {
  override get isSeekable(): boolean {
    return true;
  }

  override readAt(_position: number, target: Uint8Array, start: number, length: number): number {
    return this.read(target, start, length);
  }

  override writeAt(_position: number, source: Uint8Array, start: number, length: number): number {
    return this.write(source, start, length);
  }

  // `null_lseek`: always at the start.
  override seek(): number {
    return 0;
  }

  override sync(): number {
    return -EINVAL;
  }
}

export class NullFile extends PlainDevice {
  override get feedsPipes(): boolean {
    return false;
  }

  override get discardsWrites(): boolean {
    return true;
  }

  override read(): number {
    return 0;
  }

  override write(_source: Uint8Array, _start: number, length: number): number {
    return length;
  }
}

export class ZeroFile extends PlainDevice {
  override get discardsWrites(): boolean {
    return true;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (length === 1) target[start] = 0;
    else target.fill(0, start, start + length);
    return length;
  }

  override write(_source: Uint8Array, _start: number, length: number): number {
    return length;
  }

  override get mapsAnonymously(): boolean {
    return true;
  }
}

export class FullFile extends PlainDevice {
  override read(target: Uint8Array, start: number, length: number): number {
    target.fill(0, start, start + length);
    return length;
  }

  override write(): number {
    return -ENOSPC;
  }
}

const RNDGETENTCNT = 0x80045200;
const POOL_BITS = 256;

export class RandomFile extends PlainDevice {
  readonly #entropy: Entropy;

  constructor(request: OpenRequest, entropy: Entropy) {
    super(request);
    this.#entropy = entropy;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    this.#entropy.fill(target.subarray(start, start + length));
    return length;
  }

  // What guests stir in makes nothing worse, and nothing better.
  override write(_source: Uint8Array, _start: number, length: number): number {
    return this.isWritable ? length : -EBADF;
  }

  override ioctl(command: number, argument: number, memory: UserMemory): number {
    if (command !== RNDGETENTCNT) return -EINVAL;
    return memory.write(argument, new Uint8Array([POOL_BITS & 0xff, POOL_BITS >> 8, 0, 0]))
      ? 0
      : -EFAULT;
  }
}
