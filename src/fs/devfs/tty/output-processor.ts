/** Output of a terminal (c_oflag), and the column that erasing tabs depends on. */

import { EAGAIN } from '../../../abi/errno.table.ts';
import * as T from '../../../abi/terminal.ts';
import type { TerminalDriver } from './terminal.ts';
import type { Termios } from './termios.ts';

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const BACKSPACE = 8;
const CHUNK_BYTES = 2048;

export class OutputProcessor {
  readonly #termios: Termios;
  readonly #driver: TerminalDriver;
  column = 0;
  /** The column in which the line being edited began. */
  #lineStart = 0;

  constructor(termios: Termios, driver: TerminalDriver) {
    this.#termios = termios;
    this.#driver = driver;
  }

  /** write(2): the bytes taken, -EAGAIN when the driver takes none. */
  write(source: Uint8Array, start: number, length: number): number {
    const { room } = this.#driver;
    if (room <= 0 && length > 0) return -EAGAIN;
    if ((this.#termios.oflag & T.OPOST) === 0) {
      const count = Math.min(length, room);
      this.#driver.write(source.slice(start, start + count));
      return count;
    }
    // A byte becomes at most eight (a tab).
    const count = Math.min(length, Math.max(1, Math.floor(room / 8)), CHUNK_BYTES * 8);
    const out: number[] = [];
    for (let i = start; i < start + count; i++) this.#process(source[i] as number, out);
    this.#driver.write(Uint8Array.from(out));
    return count;
  }

  /** Echo that goes through output processing. */
  processed(byte: number): void {
    const out: number[] = [];
    if ((this.#termios.oflag & T.OPOST) === 0) out.push(byte);
    else this.#process(byte, out);
    this.#driver.write(Uint8Array.from(out));
  }

  raw(bytes: readonly number[]): void {
    this.#driver.write(Uint8Array.from(bytes));
  }

  markLineStart(): void {
    this.#lineStart = this.column;
  }

  /** Takes `width` columns back from the screen. */
  erase(width: number): void {
    for (let i = 0; i < width; i++) {
      this.raw([BACKSPACE, SPACE, BACKSPACE]);
      if (this.column > 0) this.column--;
    }
  }

  /** A tab goes back to where the rest of the line ends. */
  eraseTab(line: readonly number[], showsControls: boolean): void {
    let column = this.#lineStart;
    for (const c of line) {
      if (c === TAB) column = (column | 7) + 1;
      else if (c < SPACE || c === 127) column += showsControls ? 2 : 0;
      else if ((c & 0xc0) !== 0x80) column++;
    }
    while (this.column > column) {
      this.raw([BACKSPACE]);
      this.column--;
    }
  }

  #process(byte: number, out: number[]): void {
    const { oflag, iflag } = this.#termios;
    const raises = (oflag & T.OLCUC) !== 0 && byte >= 0x61 && byte <= 0x7a;
    switch (byte) {
      case NEWLINE:
        if ((oflag & T.ONLRET) !== 0) this.column = 0;
        if ((oflag & T.ONLCR) !== 0) {
          this.column = 0;
          out.push(RETURN);
        }
        break;
      case RETURN:
        if ((oflag & T.ONOCR) !== 0 && this.column === 0) return;
        if ((oflag & T.OCRNL) !== 0) {
          if ((oflag & T.ONLRET) !== 0) this.column = 0;
          out.push(NEWLINE);
          return;
        }
        this.column = 0;
        break;
      case TAB: {
        const width = 8 - (this.column & 7);
        this.column += width;
        if ((oflag & T.TABDLY) === T.XTABS) {
          for (let i = 0; i < width; i++) out.push(SPACE);
          return;
        }
        break;
      }
      case BACKSPACE:
        if (this.column > 0) this.column--;
        break;
      default:
        if (byte >= SPACE && byte !== 127) {
          const continues = (iflag & T.IUTF8) !== 0 && (byte & 0xc0) === 0x80;
          if (!continues) this.column++;
        }
    }
    out.push(raises ? byte - 0x20 : byte);
  }
}
