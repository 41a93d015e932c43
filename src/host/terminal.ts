/**
 * Cloister's own terminal, for guests (see fs/devfs/tty). It is set to pass every byte as it is, by
 * cfmakeraw(3): Node.js's own raw mode keeps output processing on, which adds carriage returns to
 * what the guest's terminal has already processed.
 */

import { fstatSync, writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import { EAGAIN } from '../abi/errno.table.ts';
import * as T from '../abi/terminal.ts';
import type { HostTerminal, HostTerminalListener } from '../fs/devfs/tty/host-terminal.ts';
import { errnoOf } from './errno.ts';

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;

/** ioctl(2) with an argument that is read and written: 0, or -errno. */
export type Ioctl = (fd: number, command: number, argument: Uint8Array) => number;

/** The terminal on standard input, or undefined when that is none. */
export function ownTerminal(ioctl: Ioctl, wake: () => void): HostTerminal | undefined {
  return isTerminal(INPUT) ? new OwnTerminal(ioctl, wake) : undefined;
}

export function isTerminal(fd: number): boolean {
  // What Node.js has for terminals is expensive to load: only where there can be one.
  return mayBeTerminal(fd) && process.getBuiltinModule('node:tty').isatty(fd);
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

const INPUT = 0;
const OUTPUT = 1;

class OwnTerminal implements HostTerminal {
  readonly #ioctl: Ioctl;
  readonly #wake: () => void;
  readonly #stdin = process.stdin as ReadStream;
  /** What tells the size: standard output, or input where that goes elsewhere. */
  readonly #sized: WriteStream;
  /** struct termios before the run; undefined while the terminal is as it was. */
  #before: Uint8Array | undefined;

  constructor(ioctl: Ioctl, wake: () => void) {
    this.#ioctl = ioctl;
    this.#wake = wake;
    const { WriteStream } = process.getBuiltinModule('node:tty');
    this.#sized = process.stdout.isTTY ? process.stdout : new WriteStream(INPUT);
  }

  start(listener: HostTerminalListener): void {
    const stdin = this.#stdin;
    this.#makeRaw();
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
    this.#sized.on('resize', () => {
      listener.onResize();
      this.#wake();
    });
    stdin.resume();
    // Stopped from outside and continued: the shell has set its own modes meanwhile.
    process.on('SIGCONT', () => this.#makeRaw());
    // Whatever ends this process gives the terminal back.
    process.on('exit', () => this.stop());
  }

  #makeRaw(): void {
    const termios = new Uint8Array(T.TERMIOS.bytes);
    if (this.#ioctl(INPUT, T.TCGETS, termios) < 0) return;
    this.#before ??= termios.slice();
    const view = new DataView(termios.buffer);
    const clear = (at: number, flags: number): void =>
      view.setUint32(at, (view.getUint32(at, true) & ~flags) >>> 0, true);
    const { IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON } = T;
    clear(T.TERMIOS.iflag, IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    clear(T.TERMIOS.oflag, T.OPOST);
    clear(T.TERMIOS.lflag, T.ECHO | T.ECHONL | T.ICANON | T.ISIG | T.IEXTEN);
    clear(T.TERMIOS.cflag, T.CSIZE | T.PARENB);
    view.setUint32(T.TERMIOS.cflag, view.getUint32(T.TERMIOS.cflag, true) | T.CS8, true);
    termios[T.TERMIOS.cc + T.VMIN] = 1;
    termios[T.TERMIOS.cc + T.VTIME] = 0;
    this.#ioctl(INPUT, T.TCSETS, termios);
  }

  stop(): void {
    const before = this.#before;
    if (before === undefined) return;
    this.#before = undefined;
    this.#ioctl(INPUT, T.TCSETSW, before);
    this.#stdin.pause();
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(OUTPUT, bytes, done);
      } catch (error) {
        if (errnoOf(error) !== -EAGAIN) return;
        Atomics.wait(PAUSE, 0, 0, 1);
      }
    }
  }

  size(): readonly [number, number] {
    const { rows, columns } = this.#sized;
    return [rows ?? 24, columns ?? 80];
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
