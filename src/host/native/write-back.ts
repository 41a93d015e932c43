/**
 * Write-back of a file that begins before anyone waits for it, sync_file_range(2): while the machine's
 * disk takes what is there, the processor seals what comes next.
 */

const SYNC_FILE_RANGE_WRITE = 2;

const SIGNATURES = {
  sync_file_range: { arguments: ['int32', 'int64', 'int64', 'uint32'], return: 'int32' },
} as const;

/** Asks for a range to be written. A wish: durable is what a barrier covers, as without it. */
export type StartWriteBack = (fd: number, offsetBytes: number, lengthBytes: number) => void;

/** Less than this since the last barrier is left to the barrier: it may be deleted soon. */
export const MIN_BYTES = 8 << 20;

/** undefined without node:ffi. */
function nativeWriteBack(): StartWriteBack | undefined {
  let functions: Record<keyof typeof SIGNATURES, (...args: unknown[]) => unknown>;
  try {
    const ffi = process.getBuiltinModule('node:ffi');
    functions = ffi.dlopen('libc.so.6', SIGNATURES as never).functions as never;
  } catch {
    return undefined;
  }
  return (fd, offset, length) =>
    void functions.sync_file_range(fd, BigInt(offset), BigInt(length), SYNC_FILE_RANGE_WRITE);
}

/**
 * When to ask. The call waits where a disk has as much to do as it takes at once; a writer that wants
 * no barrier would not have waited. So it takes at most a third of the time between two barriers.
 */
export class WriteBack {
  readonly #fd: number;
  readonly #start: StartWriteBack | undefined;
  readonly #nowMs: () => number;
  #bytes = 0;
  #firstMs = 0;
  #waitedMs = 0;

  constructor(fd: number, start = nativeWriteBack(), nowMs = () => performance.now()) {
    this.#fd = fd;
    this.#start = start;
    this.#nowMs = nowMs;
  }

  /** So much was written there. */
  wrote(offsetBytes: number, lengthBytes: number): void {
    if (this.#start === undefined) return;
    const now = this.#nowMs();
    if (this.#bytes === 0) this.#firstMs = now;
    this.#bytes += lengthBytes;
    if (this.#bytes < MIN_BYTES || this.#waitedMs * 3 > now - this.#firstMs) return;
    this.#start(this.#fd, offsetBytes, lengthBytes);
    this.#waitedMs += this.#nowMs() - now;
  }

  /** Everything is durable. */
  settled(): void {
    this.#bytes = 0;
    this.#waitedMs = 0;
  }
}
