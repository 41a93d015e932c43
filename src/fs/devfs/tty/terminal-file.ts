/** Open terminals: job control around reads and writes, and the ioctls (ioctl_tty(2)). */

import { EFAULT, EINVAL, EIO, ENOTTY, EPERM, ESRCH } from '../../../abi/errno.table.ts';
import { O_NONBLOCK } from '../../../abi/file-flags.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
} from '../../../abi/poll-events.ts';
import * as T from '../../../abi/terminal.ts';
import type { WaitQueue } from '../../../base/wait-queue.ts';
import { OpenFile, type OpenRequest } from '../../../vfs/open-file.ts';
import type { UserMemory } from '../../../vfs/user-memory.ts';
import type { Terminal } from './terminal.ts';

/** iflag, oflag, cflag, lflag. */
const FLAG_WORDS = 4;
const SIGTTIN = 21;
const SIGTTOU = 22;
/** The call is made again after the signal (ERESTARTSYS of the kernel). */
const RESTART = -512;

export class TerminalFile extends OpenFile {
  readonly terminal: Terminal;
  override readonly waitQueue: WaitQueue;
  readonly #onClosed: () => void;
  readonly #hangUps: number;

  override get sendsSignals(): boolean {
    return true;
  }

  constructor(request: OpenRequest, terminal: Terminal, onClosed: () => void) {
    super(request);
    this.terminal = terminal;
    this.#hangUps = terminal.isHungUp ? -1 : terminal.hangUps;
    this.waitQueue = terminal.waitQueue;
    this.#onClosed = onClosed;
  }

  override get movesAtOnce(): boolean {
    return true;
  }

  override get blocksForAll(): boolean {
    return true;
  }

  override get readTimeoutNs(): number {
    return this.terminal.readTimeoutNs;
  }

  get #isDead(): boolean {
    return this.terminal.hangUps !== this.#hangUps;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    if (this.#isDead) return 0;
    const refused = this.#checkForeground(SIGTTIN);
    if (refused < 0) return refused;
    return this.terminal.read(target, start, length, (this.flags & O_NONBLOCK) === 0);
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if (this.#isDead) return -EIO;
    if (this.terminal.termios.has(T.TOSTOP)) {
      const refused = this.#checkForeground(SIGTTOU);
      if (refused < 0) return refused;
    }
    return this.terminal.write(source, start, length);
  }

  /** `tty_check_change` and `job_control`: background groups are stopped. */
  #checkForeground(signal: number): number {
    const { terminal } = this;
    const { jobs, foregroundGroup } = terminal;
    if (jobs.terminal() !== terminal || foregroundGroup === 0) return 0;
    const group = jobs.currentGroup();
    if (group === foregroundGroup) return 0;
    if (jobs.isDeaf(signal)) return signal === SIGTTIN ? -EIO : 0;
    if (jobs.isOrphaned()) return -EIO;
    jobs.signalGroup(group, signal);
    return RESTART;
  }

  /** A dead one is ready for everything, and says why (`hung_up_tty_poll`). */
  override poll(): number {
    if (this.#isDead) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    return this.terminal.poll();
  }

  override ioctl(command: number, argument: number, memory: UserMemory): number {
    const isForeground = command >>> 0 === T.TIOCSPGRP;
    if (this.#isDead) return isForeground ? -ENOTTY : -EIO;
    const handler = HANDLERS.get(command >>> 0);
    if (handler === undefined) return -ENOTTY;
    if (CHANGING.has(command >>> 0)) {
      const refused = this.#checkForeground(SIGTTOU);
      if (refused < 0) return isForeground && refused === -EIO ? -ENOTTY : refused;
    }
    return handler(this.terminal, argument, memory);
  }

  override openPeer(): number {
    return -EIO;
  }

  protected override closed(): void {
    this.#onClosed();
  }
}

type Handler = (terminal: Terminal, argument: number, memory: UserMemory) => number;

function putInt(memory: UserMemory, addr: number, value: number): number {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return memory.write(addr, bytes) ? 0 : -EFAULT;
}

/** The number at `addr`, or undefined on a fault. */
function getInt(memory: UserMemory, addr: number): number | undefined {
  const bytes = new Uint8Array(4);
  return memory.read(addr, bytes) ? new DataView(bytes.buffer).getInt32(0, true) : undefined;
}

const get =
  (withSpeeds: boolean): Handler =>
  (terminal, argument, memory) =>
    memory.write(argument, terminal.termios.encode(withSpeeds)) ? 0 : -EFAULT;

const set =
  (withSpeeds: boolean, flushes: boolean): Handler =>
  (terminal, argument, memory) => {
    const bytes = new Uint8Array(withSpeeds ? T.TERMIOS2.bytes : T.TERMIOS.bytes);
    if (!memory.read(argument, bytes)) return -EFAULT;
    if (flushes) terminal.flushInput();
    terminal.setTermios(bytes);
    return 0;
  };

/** The older `struct termio`: the low halves of the flags, and the first control characters. */
const getOld: Handler = (terminal, argument, memory) => {
  const whole = terminal.termios.encode(false);
  const bytes = new Uint8Array(T.TERMIO.bytes);
  for (let i = 0; i < FLAG_WORDS; i++) bytes.set(whole.subarray(4 * i, 4 * i + 2), 2 * i);
  bytes[T.TERMIO.line] = whole[T.TERMIOS.line] as number;
  bytes.set(whole.subarray(T.TERMIOS.cc, T.TERMIOS.cc + T.NCC), T.TERMIO.cc);
  return memory.write(argument, bytes) ? 0 : -EFAULT;
};

const setOld =
  (flushes: boolean): Handler =>
  (terminal, argument, memory) => {
    const bytes = new Uint8Array(T.TERMIO.bytes);
    if (!memory.read(argument, bytes)) return -EFAULT;
    const whole = terminal.termios.encode(false);
    for (let i = 0; i < FLAG_WORDS; i++) whole.set(bytes.subarray(2 * i, 2 * i + 2), 4 * i);
    whole[T.TERMIOS.line] = bytes[T.TERMIO.line] as number;
    whole.set(bytes.subarray(T.TERMIO.cc, T.TERMIO.cc + T.NCC), T.TERMIOS.cc);
    if (flushes) terminal.flushInput();
    terminal.setTermios(whole);
    return 0;
  };

function setControlling(terminal: Terminal, argument: number): number {
  const { jobs } = terminal;
  const session = jobs.currentSession();
  if (terminal.session === session && jobs.terminal() === terminal) return 0;
  if (!jobs.isSessionLeader() || jobs.terminal() !== undefined) return -EPERM;
  if (terminal.session !== 0 && !(argument === 1 && jobs.isPrivileged())) return -EPERM;
  jobs.setTerminal(terminal);
  terminal.attach(session, jobs.currentGroup());
  return 0;
}

function giveUp(terminal: Terminal): number {
  const { jobs } = terminal;
  if (jobs.terminal() !== terminal) return -ENOTTY;
  if (jobs.isSessionLeader()) {
    terminal.signal(1);
    terminal.signal(18);
    terminal.detach();
  }
  jobs.setTerminal(undefined);
  return 0;
}

function setForeground(terminal: Terminal, argument: number, memory: UserMemory): number {
  const { jobs } = terminal;
  const group = getInt(memory, argument);
  if (group === undefined) return -EFAULT;
  if (jobs.terminal() !== terminal || terminal.session !== jobs.currentSession()) return -ENOTTY;
  if (group < 0) return -EINVAL;
  const session = jobs.sessionOf(group);
  if (session === undefined) return -ESRCH;
  if (session !== jobs.currentSession()) return -EPERM;
  terminal.foregroundGroup = group;
  return 0;
}

function setSize(terminal: Terminal, argument: number, memory: UserMemory): number {
  const bytes = new Uint8Array(T.WINSIZE_BYTES);
  if (!memory.read(argument, bytes)) return -EFAULT;
  const at = new DataView(bytes.buffer);
  const [rows, columns, x, y] = [0, 2, 4, 6].map((i) => at.getUint16(i, true));
  terminal.setSize(rows as number, columns as number, x as number, y as number);
  return 0;
}

function getSize(terminal: Terminal, argument: number, memory: UserMemory): number {
  const bytes = new Uint8Array(T.WINSIZE_BYTES);
  const view = new DataView(bytes.buffer);
  terminal.size.forEach((value, i) => {
    view.setUint16(2 * i, value, true);
  });
  return memory.write(argument, bytes) ? 0 : -EFAULT;
}

function flush(terminal: Terminal, argument: number): number {
  if (argument > T.TCIOFLUSH) return -EINVAL;
  if (argument !== T.TCOFLUSH) terminal.flushInput();
  if (argument !== T.TCIFLUSH) terminal.flushOutput();
  return 0;
}

function flowControl(terminal: Terminal, argument: number): number {
  if (argument === T.TCOOFF) terminal.stop();
  else if (argument === T.TCOON) terminal.resume();
  else if (argument > T.TCION) return -EINVAL;
  return 0;
}

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [T.TCGETS, get(false)],
  [T.TCGETS2, get(true)],
  [T.TCSETS, set(false, false)],
  [T.TCSETSW, set(false, false)],
  [T.TCSETSF, set(false, true)],
  [T.TCSETS2, set(true, false)],
  [T.TCSETSW2, set(true, false)],
  [T.TCSETSF2, set(true, true)],
  [T.TCGETA, getOld],
  [T.TCSETA, setOld(false)],
  [T.TCSETAW, setOld(false)],
  [T.TCSETAF, setOld(true)],
  [T.TIOCGWINSZ, getSize],
  [T.TIOCSWINSZ, setSize],
  [T.TIOCSCTTY, setControlling],
  [T.TIOCNOTTY, giveUp],
  [
    T.TIOCGPGRP,
    (terminal, argument, memory) =>
      terminal.jobs.terminal() === terminal
        ? putInt(memory, argument, terminal.foregroundGroup)
        : -ENOTTY,
  ],
  [T.TIOCSPGRP, setForeground],
  [
    T.TIOCGSID,
    (terminal, argument, memory) =>
      terminal.jobs.terminal() === terminal ? putInt(memory, argument, terminal.session) : -ENOTTY,
  ],
  [T.TCFLSH, flush],
  [T.TCXONC, flowControl],
  [T.TCSBRK, () => 0],
  [T.TCSBRKP, () => 0],
  [T.TIOCSBRK, () => 0],
  [T.TIOCCBRK, () => 0],
  [
    T.TIOCVHANGUP,
    (terminal) => {
      if (!terminal.jobs.isPrivileged()) return -EPERM;
      terminal.hangUpFiles();
      return 0;
    },
  ],
  [T.TIOCOUTQ, (_terminal, argument, memory) => putInt(memory, argument, 0)],
  [T.FIONREAD, (terminal, argument, memory) => putInt(memory, argument, terminal.readableBytes)],
  [T.TIOCGDEV, (terminal, argument, memory) => putInt(memory, argument, terminal.device)],
  [
    T.TIOCGSOFTCAR,
    (terminal, argument, memory) =>
      putInt(memory, argument, (terminal.termios.cflag & T.CLOCAL) === 0 ? 0 : 1),
  ],
  [T.TIOCGETD, (_terminal, argument, memory) => putInt(memory, argument, 0)],
  [T.TIOCSETD, (_terminal, argument, memory) => (getInt(memory, argument) === 0 ? 0 : -EINVAL)],
  [
    T.TIOCEXCL,
    (terminal) => {
      terminal.isExclusive = true;
      return 0;
    },
  ],
  [
    T.TIOCNXCL,
    (terminal) => {
      terminal.isExclusive = false;
      return 0;
    },
  ],
  [
    T.TIOCGEXCL,
    (terminal, argument, memory) => putInt(memory, argument, Number(terminal.isExclusive)),
  ],
  [
    T.TIOCSTI,
    (terminal, argument, memory) => {
      const byte = new Uint8Array(1);
      if (!terminal.jobs.isPrivileged() && terminal.jobs.terminal() !== terminal) return -EPERM;
      if (!memory.read(argument, byte)) return -EFAULT;
      terminal.receive(byte, 0, 1);
      return 0;
    },
  ],
]);

/** Commands that stop a background group. */
const CHANGING: ReadonlySet<number> = new Set([
  ...[T.TCSETS, T.TCSETSW, T.TCSETSF, T.TCSETS2, T.TCSETSW2, T.TCSETSF2],
  ...[T.TCSETA, T.TCSETAW, T.TCSETAF],
  ...[T.TCFLSH, T.TCXONC, T.TCSBRK, T.TCSBRKP, T.TIOCSPGRP],
]);
