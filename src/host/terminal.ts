/** Cloister's own terminal in raw mode, for guests (see fs/devfs/tty). */

import { fstatSync, writeSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import { EAGAIN } from '../abi/errno.table.ts';
import type { HostTerminal, HostTerminalListener } from '../fs/devfs/tty/host-terminal.ts';
import { errnoOf } from './errno.ts';

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;

/** The terminal on standard input and output, or undefined when they are none. */
export function ownTerminal(wake: () => void): HostTerminal | undefined {
  // The streams of Node.js are expensive to make: only where there can be a terminal.
  if (!mayBeTerminal(0) || !mayBeTerminal(1)) return undefined;
  const { stdin, stdout } = process;
  return stdin.isTTY && stdout.isTTY ? new OwnTerminal(stdin, wake) : undefined;
}

/** A character device, and not one of memory (/dev/null and its like: major number 1). */
function mayBeTerminal(fd: number): boolean {
  try {
    const { mode, rdev } = fstatSync(fd);
    return (mode & S_IFMT) === S_IFCHR && rdev >> 8 !== 1;
  } catch {
    return false;
  }
}

class OwnTerminal implements HostTerminal {
  readonly #stdin: ReadStream;
  readonly #wake: () => void;

  constructor(stdin: ReadStream, wake: () => void) {
    this.#stdin = stdin;
    this.#wake = wake;
  }

  start(listener: HostTerminalListener): void {
    const stdin = this.#stdin;
    stdin.setRawMode(true);
    stdin.on('data', (bytes: Uint8Array) => {
      listener.onInput(bytes);
      this.#wake();
    });
    const end = () => {
      listener.onEnd();
      this.#wake();
    };
    stdin.on('end', end);
    stdin.on('error', end);
    process.stdout.on('resize', () => {
      listener.onResize();
      this.#wake();
    });
    stdin.resume();
    // Whatever ends this process gives the terminal back.
    process.on('exit', () => this.stop());
  }

  stop(): void {
    this.#stdin.setRawMode(false);
    this.#stdin.pause();
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(1, bytes, done);
      } catch (error) {
        if (errnoOf(error) !== -EAGAIN) return;
        Atomics.wait(PAUSE, 0, 0, 1);
      }
    }
  }

  size(): readonly [number, number] {
    const { rows, columns } = process.stdout;
    return [rows ?? 24, columns ?? 80];
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
