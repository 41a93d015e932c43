/**
 * The descriptors that Cloister inherited, as streams for guests. Regular files are read and
 * written where the guest stands; pipes and sockets are read through the event loop, only when a
 * guest wants data, and written synchronously.
 */

import { fstatSync, fsyncSync, ftruncateSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { EAGAIN, EINTR, EPIPE } from '../abi/errno.table.ts';
import type { ByteStream } from '../base/byte-stream.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import type { HostStream } from '../fs/hoststream/host-stream.ts';
import { attempt, attemptDone, errnoOf } from './errno.ts';
import { isTerminal } from './terminal.ts';

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;

/** Told when host input is awaited (+1) and when it is not any more (−1). */
export type PendingCounter = (change: 1 | -1) => void;

/** The stream of host descriptor `fd`, or undefined when it is closed. */
export function inheritedStream(fd: number, pending: PendingCounter): HostStream | undefined {
  let mode: number;
  try {
    ({ mode } = fstatSync(fd));
  } catch {
    return undefined;
  }
  return new InheritedStream(fd, mode, pending);
}

class InheritedStream implements HostStream {
  readonly mode: number;
  readonly isSeekable: boolean;
  readonly waitQueue = new WaitQueue();
  isBroken = false;
  readonly #fd: number;
  readonly #pending: PendingCounter;
  /** A terminal that guests see as a plain stream: it is lines that come when they come. */
  readonly #isTerminal: boolean;
  /** Pipes and sockets: opened on the first wish to read. */
  #socket: Socket | undefined;
  #chunks: Uint8Array[] = [];
  #ended = false;
  #isWaiting = false;

  constructor(fd: number, mode: number, pending: PendingCounter) {
    this.#fd = fd;
    this.mode = mode;
    this.#pending = pending;
    this.#isTerminal = isTerminal(fd);
    // Output shares its offset with whoever made the file (`(cloister run …; date) > log`): it is
    // written where the host stands, as a stream, never at positions of the guest's own.
    this.isSeekable = (mode & S_IFMT) === S_IFREG && fd === 0;
  }

  /** `pos` of proc_pid_fdinfo(5). */
  get startOffset(): number {
    try {
      const text = readFileSync(`/proc/self/fdinfo/${this.#fd}`, 'latin1');
      const offset = Number(/^pos:\s*(\d+)/m.exec(text)?.[1]);
      return Number.isSafeInteger(offset) ? offset : 0;
    } catch {
      return 0;
    }
  }

  get #isEventful(): boolean {
    const type = this.mode & S_IFMT;
    return type === S_IFIFO || type === S_IFSOCK || this.#isTerminal;
  }

  read(target: Uint8Array, start: number, length: number): number {
    if (!this.#isEventful) return this.#readNow(null, target, start, length);
    const first = this.#chunks[0];
    if (first === undefined) return this.#ended ? 0 : this.#wait();
    const count = Math.min(length, first.length);
    target.set(first.subarray(0, count), start);
    if (count === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    return count;
  }

  readAt(position: number, target: Uint8Array, start: number, length: number): number {
    return this.#readNow(position, target, start, length);
  }

  #readNow(position: number | null, target: Uint8Array, start: number, length: number): number {
    return attempt(() => readSync(this.#fd, target, start, length, position));
  }

  /** Asks the event loop for data. */
  #wait(): number {
    if (this.#isWaiting) return -EAGAIN;
    this.#isWaiting = true;
    this.#pending(1);
    this.#socket ??= this.#open();
    this.#socket.ref();
    this.#socket.resume();
    return -EAGAIN;
  }

  #open(): Socket {
    // Loaded by the few runs that read a pipe: they bring half of Node.js with them.
    const socket = this.#isTerminal
      ? new (process.getBuiltinModule('node:tty').ReadStream)(this.#fd)
      : new (process.getBuiltinModule('node:net').Socket)({
          ...{ fd: this.#fd, readable: true, writable: false },
        });
    socket.on('data', (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      socket.pause();
      this.#arrived();
    });
    const end = () => {
      this.#ended = true;
      this.#arrived();
    };
    socket.on('end', end);
    socket.on('error', end);
    return socket;
  }

  #arrived(): void {
    if (this.#isWaiting) {
      this.#isWaiting = false;
      this.#pending(-1);
      this.#socket?.unref();
    }
    this.waitQueue.wake();
  }

  isReadable(): boolean {
    if (!this.#isEventful || this.#chunks.length > 0 || this.#ended) return true;
    this.#wait();
    return false;
  }

  write(source: Uint8Array, start: number, length: number): number {
    return this.#writeNow(null, source, start, length);
  }

  writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    return this.#writeNow(position, source, start, length);
  }

  #writeNow(position: number | null, source: Uint8Array, start: number, length: number): number {
    for (;;) {
      try {
        return writeSync(this.#fd, source, start, length, position);
      } catch (error) {
        const errno = -errnoOf(error);
        // A non-blocking descriptor that another program left so: wait a little, then again.
        if (errno === EAGAIN) Atomics.wait(PAUSE, 0, 0, 1);
        else if (errno !== EINTR) {
          if (errno === EPIPE) this.isBroken = true;
          return -errno;
        }
      }
    }
  }

  size(): number {
    try {
      return fstatSync(this.#fd).size;
    } catch {
      return 0;
    }
  }

  truncate(size: number): number {
    return attemptDone(() => ftruncateSync(this.#fd, size));
  }

  sync(): number {
    return attemptDone(() => fsyncSync(this.#fd));
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Standard input and output as one stream; the end of input is its end. */
export function standardStreams(): ByteStream {
  const { stdin, stdout } = process;
  const chunks = stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return {
    async read() {
      const next = await chunks.next();
      return next.done === true ? undefined : next.value;
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    end: () => Promise.resolve(),
    destroy: () => void stdin.destroy(),
  };
}
