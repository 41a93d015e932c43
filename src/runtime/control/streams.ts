/**
 * Standard streams of a process that was started over the control socket. Input is kept within a
 * window that the client may not pass; output waits while the client does not take it.
 */

import { EAGAIN, EBADF, EPIPE } from '../../abi/errno.table.ts';
import type { HostTerminal, HostTerminalListener } from '../../fs/devfs/tty/host-terminal.ts';
import { PipeStream } from '../../fs/hoststream/pipe-stream.ts';
import { ControlError, MAX_DATA_BYTES } from './frames.ts';

/** Bytes of input that a client may send before the process has read any. */
export const INPUT_WINDOW_BYTES = 262_144;
/** Output that the client has not taken: the process waits beyond. */
export const OUTPUT_BYTES = 1_048_576;

export class InputStream extends PipeStream {
  readonly #grant: (bytes: number) => void;
  #chunks: Uint8Array[] = [];
  #window = INPUT_WINDOW_BYTES;
  #taken = 0;
  #hasEnded: boolean;

  /** `grant` tells the client that it may send that much more. */
  constructor(hasInput: boolean, grant: (bytes: number) => void) {
    super();
    this.#hasEnded = !hasInput;
    this.#grant = grant;
  }

  receive(bytes: Uint8Array): void {
    if (this.#hasEnded) throw new ControlError('input after its end');
    if (bytes.length > this.#window) throw new ControlError('more input than the window permits');
    this.#window -= bytes.length;
    this.#chunks.push(bytes);
    this.waitQueue.wake();
  }

  end(): void {
    this.#hasEnded = true;
    this.waitQueue.wake();
  }

  override read(target: Uint8Array, start: number, length: number): number {
    let done = 0;
    while (done < length) {
      const first = this.#chunks[0];
      if (first === undefined) break;
      const count = Math.min(length - done, first.length);
      target.set(first.subarray(0, count), start + done);
      if (count === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(count);
      done += count;
    }
    if (done === 0) return this.#hasEnded || length === 0 ? 0 : -EAGAIN;
    this.#taken += done;
    // A message for every small read would cost more than the read.
    if (this.#taken >= INPUT_WINDOW_BYTES / 4 && !this.#hasEnded) {
      this.#window += this.#taken;
      this.#grant(this.#taken);
      this.#taken = 0;
    }
    return done;
  }

  override write(): number {
    return -EBADF;
  }

  override isReadable(): boolean {
    return this.#hasEnded || this.#chunks.length > 0;
  }
}

/** Where output goes: the connection of the client. */
export interface OutputSink {
  send(bytes: Uint8Array): void;
  readonly pendingBytes: number;
}

export class OutputStream extends PipeStream {
  readonly #sink: OutputSink;

  constructor(sink: OutputSink) {
    super();
    this.#sink = sink;
  }

  get isFull(): boolean {
    return this.#sink.pendingBytes >= OUTPUT_BYTES;
  }

  override read(): number {
    return -EBADF;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if (this.isBroken) return -EPIPE;
    if (this.isFull) return -EAGAIN;
    // Who writes more than is taken waits for room: never less than all while there is some.
    let done = 0;
    while (done < length && !this.isFull) {
      const count = Math.min(length - done, MAX_DATA_BYTES);
      this.#sink.send(source.slice(start + done, start + done + count));
      done += count;
    }
    return done;
  }

  /** Nobody takes output any more. */
  break(): void {
    this.isBroken = true;
    this.waitQueue.wake();
  }

  override isReadable(): boolean {
    return false;
  }
}

/** A terminal whose keyboard and screen are with the client. */
export class RemoteTerminal implements HostTerminal {
  readonly #sink: OutputSink;
  #size: readonly [number, number];
  #listener: HostTerminalListener | undefined;

  constructor(sink: OutputSink, rows: number, columns: number) {
    this.#sink = sink;
    this.#size = [rows, columns];
  }

  start(listener: HostTerminalListener): void {
    this.#listener = listener;
  }

  stop(): void {
    this.#listener = undefined;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_DATA_BYTES)
      this.#sink.send(bytes.slice(at, at + MAX_DATA_BYTES));
  }

  get room(): number {
    return OUTPUT_BYTES - this.#sink.pendingBytes;
  }

  size(): readonly [number, number] {
    return this.#size;
  }

  receive(bytes: Uint8Array): void {
    this.#listener?.onInput(bytes);
  }

  resize(rows: number, columns: number): void {
    this.#size = [rows, columns];
    this.#listener?.onResize();
  }

  drained(): void {
    this.#listener?.onRoom();
  }

  end(): void {
    this.#listener?.onEnd();
  }
}
