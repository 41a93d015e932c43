/** A host in memory that logs what it is told, for crash tests, and fails on demand. */

import { type BlockHost, HostIoError } from '../l0-host/block-host.ts';

export type HostEvent =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'barrier' };

export class MemoryHost implements BlockHost {
  bytes: Uint8Array;
  sizeBytes: number;
  /** Everything since the last {@link record}; undefined: nothing is logged. */
  log: HostEvent[] | undefined;
  /** Called before each operation; may throw HostIoError. */
  before: (operation: 'read' | 'write' | 'barrier') => void = () => undefined;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  read(offset: number, target: Uint8Array): number {
    this.before('read');
    const part = this.bytes.subarray(offset, Math.min(this.sizeBytes, offset + target.length));
    target.set(part);
    return part.length;
  }

  write(offset: number, parts: readonly Uint8Array[]): void {
    this.before('write');
    let at = offset;
    for (const part of parts) {
      this.put(at, part);
      this.log?.push({ kind: 'write', offset: at, bytes: part.slice() });
      at += part.length;
    }
  }

  barrier(): void {
    this.before('barrier');
    this.log?.push({ kind: 'barrier' });
  }

  put(offset: number, part: Uint8Array): void {
    const end = offset + part.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(part, offset);
    this.sizeBytes = Math.max(this.sizeBytes, end);
  }

  snapshot(): Uint8Array {
    return this.bytes.slice(0, this.sizeBytes);
  }
}

export function failing(errno: 'EIO' | 'ENOSPC'): HostIoError {
  return new HostIoError(errno, `injected ${errno}`);
}
