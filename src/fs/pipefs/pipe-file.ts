/** Open ends of pipes and FIFOs. */

import { EBADF, EFAULT } from '../../abi/errno.table.ts';
import { O_DIRECT } from '../../abi/file-flags.ts';
import { FIONREAD } from '../../abi/terminal.ts';
import type { WaitQueue } from '../../base/wait-queue.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';
import type { UserMemory } from '../../vfs/user-memory.ts';
import type { Pipe } from './pipe.ts';

/** What an open for reading or writing still waits for. */
export type Awaited = 'reader' | 'writer' | undefined;

export class PipeFile extends OpenFile {
  readonly pipe: Pipe;
  override readonly waitQueue: WaitQueue;
  readonly #isFifo: boolean;
  /** The other side's open count when this open began to wait. */
  #awaited: Awaited;
  readonly #opensBefore: number;
  readonly #writersBefore: number;

  override get sendsSignals(): boolean {
    return true;
  }

  constructor(request: OpenRequest, pipe: Pipe, isFifo: boolean, awaited: Awaited = undefined) {
    super(request);
    this.pipe = pipe;
    this.waitQueue = this.isReadable ? pipe.readable : pipe.writable;
    this.#isFifo = isFifo;
    this.#awaited = awaited;
    this.#opensBefore = awaited === 'writer' ? pipe.writerOpens : pipe.readerOpens;
    this.#writersBefore = pipe.writers > 0 ? pipe.writerOpens - 1 : pipe.writerOpens;
    pipe.addEnd(this.isReadable, this.isWritable);
  }

  override get isPending(): boolean {
    if (this.#awaited === undefined) return false;
    const { pipe } = this;
    const came =
      this.#awaited === 'writer'
        ? pipe.writerOpens !== this.#opensBefore
        : pipe.readerOpens !== this.#opensBefore;
    if (came) this.#awaited = undefined;
    return !came;
  }

  override get movesAtOnce(): boolean {
    return true;
  }

  override get blocksForAll(): boolean {
    return true;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    return this.isReadable ? this.pipe.read(target, start, length) : -EBADF;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if (!this.isWritable) return -EBADF;
    return this.pipe.write(source, start, length, (this.flags & O_DIRECT) !== 0);
  }

  override poll(): number {
    // A FIFO that never had a writer since this open has not hung up.
    const sawWriter = !this.#isFifo || this.pipe.writerOpens !== this.#writersBefore;
    return this.pipe.poll(this.isReadable, this.isWritable, sawWriter);
  }

  override ioctl(command: number, argument: number, memory: UserMemory): number {
    if (command !== FIONREAD) return super.ioctl(command, argument, memory);
    const word = new Uint8Array(4);
    new DataView(word.buffer).setInt32(0, this.pipe.unreadBytes, true);
    return memory.write(argument, word) ? 0 : -EFAULT;
  }

  /** F_SETPIPE_SZ. */
  setCapacity(bytes: number, limitBytes: number): number {
    return this.pipe.resize(bytes, limitBytes);
  }

  override get anonymousName(): string | undefined {
    return this.#isFifo ? undefined : `pipe:[${this.inode.ino}]`;
  }

  protected override closed(): void {
    this.pipe.removeEnd(this.isReadable, this.isWritable);
  }
}
