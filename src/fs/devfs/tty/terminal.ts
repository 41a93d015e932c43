/**
 * A terminal: the N_TTY line discipline between a driver (the other side of a pseudo-terminal, or
 * the host's terminal) and the files that guests open (termios(3), `drivers/tty/n_tty.c`).
 */

import { EAGAIN } from '../../../abi/errno.table.ts';
import { POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../../abi/poll-events.ts';
import * as T from '../../../abi/terminal.ts';
import { WaitQueue } from '../../../base/wait-queue.ts';
import type { JobControl, SessionTerminal } from '../../../vfs/job-control.ts';
import { INPUT_BYTES, InputQueue } from './input-queue.ts';
import { OutputProcessor } from './output-processor.ts';
import { Termios } from './termios.ts';

const SIGHUP = 1;
const SIGINT = 2;
const SIGQUIT = 3;
const SIGCONT = 18;
const SIGTSTP = 20;
const SIGWINCH = 28;
const BELL = 7;
const NEWLINE = 10;
const CTRL_Q = 17;
const CTRL_S = 19;
const RETURN = 13;

/** Where output goes: `write` takes processed bytes, `room` says how many it would take now. */
export interface TerminalDriver {
  write(bytes: Uint8Array): void;
  readonly room: number;
  /** Input was read: the driver may send more. */
  inputDrained(): void;
  /** Something happened that packet mode tells of (ioctl_tty(2), TIOCPKT): a TIOCPKT_* bit. */
  control(event: number): void;
}

export class Terminal implements SessionTerminal {
  readonly device: number;
  readonly jobs: JobControl;
  readonly termios = new Termios();
  readonly waitQueue = new WaitQueue();
  readonly input = new InputQueue();
  /** rows, columns, x and y pixels. */
  readonly size: [number, number, number, number] = [0, 0, 0, 0];
  readonly #driver: TerminalDriver;
  readonly #output: OutputProcessor;
  /** Session and foreground process group; 0 for none. */
  session = 0;
  foregroundGroup = 0;
  isStopped = false;
  /** TIOCEXCL: only the privileged open it again. */
  isExclusive = false;
  /** How often it was hung up: files that were open then are dead. */
  hangUps = 0;
  isHungUp = false;
  #isLiteral = false;

  constructor(device: number, jobs: JobControl, driver: TerminalDriver) {
    this.device = device;
    this.jobs = jobs;
    this.#driver = driver;
    this.#output = new OutputProcessor(this.termios, driver);
  }

  // --- sessions ----------------------------------------------------------------------------------

  foreground(): number | undefined {
    return this.foregroundGroup === 0 ? undefined : this.foregroundGroup;
  }

  detach(): void {
    this.session = 0;
    this.foregroundGroup = 0;
  }

  /** Becomes the controlling terminal of a session. */
  attach(session: number, group: number): void {
    this.session = session;
    this.foregroundGroup = group;
  }

  signal(signal: number): void {
    if (this.foregroundGroup !== 0) this.jobs.signalGroup(this.foregroundGroup, signal);
  }

  setSize(rows: number, columns: number, x: number, y: number): void {
    const { size } = this;
    const isSame = size[0] === rows && size[1] === columns && size[2] === x && size[3] === y;
    size.splice(0, 4, rows, columns, x, y);
    if (!isSame) this.signal(SIGWINCH);
  }

  /** The driver is gone. */
  hangUp(): void {
    if (this.isHungUp) return;
    this.isHungUp = true;
    this.hangUpFiles();
  }

  /** vhangup(2): as if the driver were gone, for those who have it open now. */
  hangUpFiles(): void {
    this.hangUps++;
    const group = this.foregroundGroup;
    if (this.session !== 0) {
      this.jobs.signalGroup(this.session, SIGHUP);
      this.jobs.signalGroup(this.session, SIGCONT);
      if (group !== 0 && group !== this.session) this.jobs.signalGroup(group, SIGHUP);
      this.jobs.dropTerminal(this);
      this.detach();
    }
    this.waitQueue.wakeAll();
  }

  // --- input -------------------------------------------------------------------------------------

  /** Bytes from the driver. */
  receive(bytes: Uint8Array, start: number, length: number): void {
    for (let i = start; i < start + length; i++) this.#receiveByte(bytes[i] as number);
    this.waitQueue.wake(POLLIN | POLLRDNORM);
  }

  /** How many bytes it takes now. A full line still takes the newline or erase that resolves it. */
  get inputRoom(): number {
    const { input } = this;
    const isOpen = this.termios.has(T.ICANON) && !input.hasLine;
    return isOpen ? Number.POSITIVE_INFINITY : Math.max(0, INPUT_BYTES - 1 - input.length);
  }

  #receiveByte(byte: number): void {
    const { termios } = this;
    let c = (termios.iflag & T.ISTRIP) !== 0 ? byte & 0x7f : byte;
    if ((termios.iflag & T.IUCLC) !== 0 && termios.has(T.IEXTEN) && c >= 0x41 && c <= 0x5a)
      c += 0x20;
    if (this.#isLiteral) {
      this.#isLiteral = false;
      this.#store(c);
      return;
    }
    if (this.#flowControl(c)) return;
    if (termios.has(T.ISIG) && this.#signalChar(c)) return;
    if (c === RETURN) {
      if ((termios.iflag & T.IGNCR) !== 0) return;
      if ((termios.iflag & T.ICRNL) !== 0) c = NEWLINE;
    } else if (c === NEWLINE && (termios.iflag & T.INLCR) !== 0) c = RETURN;
    if (termios.has(T.ICANON) && this.#editLine(c)) return;
    this.#store(c);
  }

  #is(c: number, which: number): boolean {
    const special = this.termios.cc[which] as number;
    return special !== 0 && c === special;
  }

  #flowControl(c: number): boolean {
    const { iflag } = this.termios;
    if ((iflag & T.IXON) === 0) return false;
    if (this.#is(c, T.VSTOP)) {
      this.stop();
      return true;
    }
    if (this.#is(c, T.VSTART) || (this.isStopped && (iflag & T.IXANY) !== 0)) {
      this.resume();
      return this.#is(c, T.VSTART);
    }
    return false;
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.#driver.control(T.TIOCPKT_STOP);
  }

  resume(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    this.#driver.control(T.TIOCPKT_START);
    this.waitQueue.wake(POLLOUT | POLLWRNORM);
  }

  #signalChar(c: number): boolean {
    const signal = this.#is(c, T.VINTR)
      ? SIGINT
      : this.#is(c, T.VQUIT)
        ? SIGQUIT
        : this.#is(c, T.VSUSP)
          ? SIGTSTP
          : 0;
    if (signal === 0) return false;
    if (!this.termios.has(T.NOFLSH)) this.input.clear();
    this.resume();
    if (this.termios.has(T.ECHO)) this.#echo(c);
    this.signal(signal);
    return true;
  }

  /** Editing characters of canonical mode; true when `c` was one. */
  #editLine(c: number): boolean {
    const { termios, input } = this;
    const extended = termios.has(T.IEXTEN);
    if (this.#is(c, T.VERASE)) this.#erase('character');
    else if (extended && this.#is(c, T.VWERASE)) this.#erase('word');
    else if (this.#is(c, T.VKILL)) this.#kill(c);
    else if (extended && this.#is(c, T.VLNEXT)) {
      this.#isLiteral = true;
      if (termios.has(T.ECHO) && termios.has(T.ECHOCTL)) this.#output.raw([0x5e, 8]);
    } else if (extended && termios.has(T.ECHO) && this.#is(c, T.VREPRINT)) this.#reprint(c);
    else if (c === NEWLINE) {
      if (termios.has(T.ECHO) || termios.has(T.ECHONL)) this.#output.processed(NEWLINE);
      input.push(c);
      input.commit();
    } else if (this.#is(c, T.VEOF)) input.commit();
    else if (this.#is(c, T.VEOL) || (extended && this.#is(c, T.VEOL2))) {
      if (termios.has(T.ECHO)) this.#echo(c);
      input.push(c);
      input.commit();
    } else return false;
    return true;
  }

  #store(c: number): void {
    if (this.input.isFull) {
      if ((this.termios.iflag & T.IMAXBEL) !== 0) this.#output.raw([BELL]);
      return;
    }
    if (this.termios.has(T.ECHO)) {
      if (this.input.openLine.length === 0) this.#output.markLineStart();
      if (c === NEWLINE) this.#output.processed(NEWLINE);
      else this.#echo(c);
    }
    this.input.push(c);
  }

  #echo(c: number): void {
    if (this.termios.has(T.ECHOCTL) && isControl(c)) {
      this.#output.raw([0x5e, c ^ 0x40]);
      this.#output.column += 2;
    } else this.#output.processed(c);
  }

  #erase(what: 'character' | 'word'): void {
    let sawWord = false;
    for (;;) {
      const last = this.input.openLine.at(-1);
      if (last === undefined) return;
      if (what === 'word') {
        const isWord = isWordByte(last);
        if (sawWord && !isWord) return;
        sawWord ||= isWord;
      }
      this.#eraseOne();
      if (what === 'character') return;
    }
  }

  #eraseOne(): void {
    const { input, termios } = this;
    let c = input.pop();
    // A character of UTF-8 goes whole.
    if ((termios.iflag & T.IUTF8) !== 0)
      while (c !== undefined && (c & 0xc0) === 0x80) c = input.pop();
    if (c === undefined || !termios.has(T.ECHO)) return;
    if (!termios.has(T.ECHOE)) {
      this.#echo(termios.cc[T.VERASE] as number);
      return;
    }
    if (c === 9) this.#output.eraseTab(input.openLine, termios.has(T.ECHOCTL));
    else this.#output.erase(isControl(c) ? (termios.has(T.ECHOCTL) ? 2 : 0) : 1);
  }

  #kill(c: number): void {
    const { input, termios } = this;
    const erases = termios.has(T.ECHO) && termios.has(T.ECHOE) && termios.has(T.ECHOKE);
    if (erases) {
      while (input.openLine.length > 0) this.#eraseOne();
      return;
    }
    while (input.pop() !== undefined);
    if (!termios.has(T.ECHO)) return;
    this.#echo(c);
    if (termios.has(T.ECHOK)) this.#output.processed(NEWLINE);
  }

  #reprint(c: number): void {
    this.#echo(c);
    this.#output.processed(NEWLINE);
    for (const byte of this.input.openLine) this.#echo(byte);
  }

  /** read(2) without job control. */
  read(target: Uint8Array, start: number, length: number, mayWait = true): number {
    const { termios, input } = this;
    if (length === 0) return 0;
    let count = -EAGAIN;
    if (termios.has(T.ICANON)) {
      if (input.hasLine) count = input.readLine(target, start, length);
    } else {
      const minimum = termios.cc[T.VMIN] as number;
      const isTimed = (termios.cc[T.VTIME] as number) > 0;
      // With a timer, what is there is given out when it runs out; without, VMIN bytes must be.
      // Who does not wait takes what there is, too (`n_tty_read`).
      const takesAny = isTimed || !mayWait;
      const wanted = takesAny ? 1 : Math.min(minimum, length);
      if (input.length >= Math.max(1, wanted)) count = input.readRaw(target, start, length);
      else if (minimum === 0 && !isTimed) count = 0;
    }
    if (count === -EAGAIN && this.isHungUp) return 0;
    if (count > 0) this.#driver.inputDrained();
    return count;
  }

  /** How long a read waits when VTIME asks for it; 0 for ever. */
  get readTimeoutNs(): number {
    const tenths = this.termios.cc[T.VTIME] as number;
    const isTimed = !this.termios.has(T.ICANON) && this.termios.cc[T.VMIN] === 0;
    return isTimed ? tenths * 100_000_000 : 0;
  }

  // --- output ------------------------------------------------------------------------------------

  write(source: Uint8Array, start: number, length: number): number {
    if (this.isStopped) return -EAGAIN;
    return this.#output.write(source, start, length);
  }

  /** What was written is at the other side already. */
  flushOutput(): void {
    this.#driver.control(T.TIOCPKT_FLUSHWRITE);
  }

  flushInput(): void {
    this.input.clear();
    this.#driver.control(T.TIOCPKT_FLUSHREAD);
    this.#driver.inputDrained();
  }

  setTermios(bytes: Uint8Array): void {
    const hadFlow = this.#hasUsualFlow();
    const wasCanonical = this.termios.has(T.ICANON);
    this.termios.decode(bytes);
    const isCanonical = this.termios.has(T.ICANON);
    if (wasCanonical !== isCanonical) this.input.setCanonical(isCanonical);
    if ((this.termios.iflag & T.IXON) === 0) this.resume();
    const hasFlow = this.#hasUsualFlow();
    if (hasFlow !== hadFlow) this.#driver.control(hasFlow ? T.TIOCPKT_DOSTOP : T.TIOCPKT_NOSTOP);
    this.waitQueue.wake();
  }

  /** Flow control by ^S and ^Q, which a remote terminal may do for itself. */
  #hasUsualFlow(): boolean {
    const { iflag, cc } = this.termios;
    return (iflag & T.IXON) !== 0 && cc[T.VSTOP] === CTRL_S && cc[T.VSTART] === CTRL_Q;
  }

  /** FIONREAD. */
  get readableBytes(): number {
    return this.termios.has(T.ICANON) ? this.input.committed : this.input.length;
  }

  poll(): number {
    let events = 0;
    const { termios, input } = this;
    const minimum = termios.cc[T.VTIME] === 0 ? Math.max(1, termios.cc[T.VMIN] as number) : 1;
    const isReadable = termios.has(T.ICANON) ? input.hasLine : input.length >= minimum;
    if (isReadable || this.isHungUp) events |= POLLIN | POLLRDNORM;
    if (this.isHungUp) events |= POLLHUP;
    if (!this.isStopped && this.#driver.room > 0) events |= POLLOUT | POLLWRNORM;
    return events;
  }
}

const isControl = (c: number): boolean => (c < 32 && c !== 9 && c !== NEWLINE) || c === 127;

function isWordByte(c: number): boolean {
  if (c >= 0x80 || c === 0x5f) return true;
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);
}
