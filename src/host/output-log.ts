/**
 * The log of a detached instance: what its processes write to standard output and error, as bytes, in
 * `log` and, before that, `log.1`. Together they stay below a bound.
 */

import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { EBADF } from '../abi/errno.table.ts';
import type { HostStream } from '../fs/hoststream/host-stream.ts';
import { PipeStream } from '../fs/hoststream/pipe-stream.ts';
import { attempt } from './errno.ts';

const LOG = 'log';
const OLDER = 'log.1';

export class OutputLog {
  readonly #folder: string;
  readonly #halfBytes: number;
  #fd: number;
  #bytes = 0;

  /** Keeps at most about `limitBytes`, and at least the last half of that. */
  constructor(folder: string, limitBytes: number) {
    this.#folder = folder;
    this.#halfBytes = Math.max(1, Math.floor(limitBytes / 2));
    this.#fd = this.#open();
  }

  #open(): number {
    return openSync(join(this.#folder, LOG), 'a', 0o600);
  }

  /** Writes all of it, or answers -errno: nobody would wake who waits for the rest. */
  write(source: Uint8Array, start: number, length: number): number {
    return attempt(() => {
      for (let done = 0; done < length; ) {
        if (this.#bytes >= this.#halfBytes) this.#rotate();
        const room = this.#halfBytes - this.#bytes;
        const count = writeSync(this.#fd, source, start + done, Math.min(length - done, room));
        this.#bytes += count;
        done += count;
      }
      return length;
    });
  }

  #rotate(): void {
    renameSync(join(this.#folder, LOG), join(this.#folder, OLDER));
    const next = this.#open();
    closeSync(this.#fd);
    this.#fd = next;
    this.#bytes = 0;
  }

  /** What Cloister itself has to say. */
  print(line: string): void {
    const bytes = new TextEncoder().encode(`${line}\n`);
    this.write(bytes, 0, bytes.length);
  }

  /** A standard stream of a guest that ends here. */
  stream(): HostStream {
    return new LogStream(this);
  }
}

class LogStream extends PipeStream {
  readonly #log: OutputLog;

  constructor(log: OutputLog) {
    super();
    this.#log = log;
  }

  override read(): number {
    return -EBADF;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    return this.#log.write(source, start, length);
  }

  override isReadable(): boolean {
    return false;
  }
}

/** Reads the log of an instance, from its beginning or near its end, across rotations. */
export class LogReader implements Disposable {
  readonly #folder: string;
  #fd: number | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What is there now: all of it, or the last `lines` lines. Later calls of `more` go on there. */
  first(lines: number | undefined): Uint8Array {
    // The older one first: a rotation in between shows a part twice, and loses none.
    const older = readIfThere(join(this.#folder, OLDER));
    const all = Buffer.concat([older, this.more()]);
    return lines === undefined ? all : lastLines(all, lines);
  }

  /** What was written since. */
  more(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (;;) {
      this.#fd ??= openIfThere(join(this.#folder, LOG));
      if (this.#fd === undefined) break;
      // Asked before reading: then nothing is written to it any more that is not read here.
      const isCurrent = this.#isCurrent(this.#fd);
      parts.push(readToEnd(this.#fd));
      if (isCurrent) break;
      closeSync(this.#fd);
      this.#fd = undefined;
    }
    return Buffer.concat(parts);
  }

  #isCurrent(fd: number): boolean {
    const current = openIfThere(join(this.#folder, LOG));
    if (current === undefined) return true;
    try {
      return fstatSync(current).ino === fstatSync(fd).ino;
    } finally {
      closeSync(current);
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array(0);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function readToEnd(fd: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = new Uint8Array(65_536);
    const count = readSync(fd, part);
    if (count === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, count));
  }
}

/** From behind the line end that `lines` lines precede. */
function lastLines(bytes: Uint8Array, lines: number): Uint8Array {
  if (lines === 0) return bytes.subarray(bytes.length);
  let at = bytes.length;
  // A last line end ends a line, and begins none.
  if (bytes[at - 1] === 0x0a) at--;
  for (let left = lines; left > 0; left--) {
    const before = bytes.lastIndexOf(0x0a, at - 1);
    if (at === 0 || before < 0) return bytes;
    at = before;
  }
  return bytes.subarray(at + 1);
}
