/** Pseudo-terminals (pty(7)): /dev/ptmx, and devpts with its /dev/pts/N. */

import {
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  EIO,
  ENOENT,
  ENOSPC,
  ENXIO,
} from '../../../abi/errno.table.ts';
import { O_NOCTTY, O_RDWR } from '../../../abi/file-flags.ts';
import { DT_CHR, makeDev, S_IFCHR, S_IFDIR } from '../../../abi/file-mode.ts';
import {
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDNORM,
  POLLWRNORM,
} from '../../../abi/poll-events.ts';
import { DEVPTS_SUPER_MAGIC } from '../../../abi/stat-layout.ts';
import * as T from '../../../abi/terminal.ts';
import { WaitQueue } from '../../../base/wait-queue.ts';
import { Dentry } from '../../../vfs/dentry.ts';
import type { FileClock } from '../../../vfs/file-clock.ts';
import { FileSystem } from '../../../vfs/file-system.ts';
import { type DirectorySink, FIRST_COOKIE, Inode } from '../../../vfs/inode.ts';
import type { JobControl } from '../../../vfs/job-control.ts';
import { OpenFile, type OpenRequest } from '../../../vfs/open-file.ts';
import type { UserMemory } from '../../../vfs/user-memory.ts';
import { DEV, PTS_MAJOR } from '../numbers.ts';
import { Terminal, type TerminalDriver } from './terminal.ts';
import { TerminalFile } from './terminal-file.ts';

const OUTPUT_BYTES = 65_536;
const PTS_MAX = 4096;

const PIECE_BYTES = 1024;
/** SIGINT, SIGQUIT, SIGTSTP: what a master may send to the foreground group (`pty_signal`). */
const SENT_SIGNALS: readonly number[] = [2, 3, 20];

/** What a control event takes back. */
const OPPOSITE: Readonly<Record<number, number>> = {
  [T.TIOCPKT_STOP]: T.TIOCPKT_START,
  [T.TIOCPKT_START]: T.TIOCPKT_STOP,
  [T.TIOCPKT_DOSTOP]: T.TIOCPKT_NOSTOP,
  [T.TIOCPKT_NOSTOP]: T.TIOCPKT_DOSTOP,
};

/** Both sides of one pseudo-terminal. */
export class Pty implements TerminalDriver {
  readonly index: number;
  readonly terminal: Terminal;
  readonly masterQueue = new WaitQueue();
  isLocked = true;
  /** Opens of the slave; the master sees a hang-up when the last is gone. */
  slaves = 0;
  hadSlave = false;
  isPacketMode = false;
  /** TIOCPKT_* bits that the master has not read yet. */
  status = 0;
  #output: Uint8Array[] = [];
  #outputBytes = 0;
  /** A driver outside of the guest (the host's terminal) instead of a master file. */
  onOutput: ((bytes: Uint8Array) => void) | undefined = undefined;
  /** How many bytes that driver would take now. */
  roomOutside: (() => number) | undefined = undefined;

  constructor(index: number, jobs: JobControl) {
    this.index = index;
    this.terminal = new Terminal(makeDev(PTS_MAJOR, index), jobs, this);
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.onOutput !== undefined) {
      this.onOutput(bytes);
      return;
    }
    this.#output.push(bytes);
    this.#outputBytes += bytes.length;
    this.masterQueue.wake(POLLIN | POLLRDNORM);
  }

  get room(): number {
    return Math.min(OUTPUT_BYTES - this.#outputBytes, this.roomOutside?.() ?? OUTPUT_BYTES);
  }

  get outputBytes(): number {
    return this.#outputBytes;
  }

  control(event: number): void {
    if (!this.isPacketMode) return;
    this.status = (this.status & ~(OPPOSITE[event] ?? 0)) | event;
    this.masterQueue.wake(POLLIN | POLLRDNORM | POLLPRI);
  }

  inputDrained(): void {
    this.masterQueue.wake(POLLOUT | POLLWRNORM);
  }

  readOutput(target: Uint8Array, start: number, length: number): number {
    let done = 0;
    while (done < length) {
      const first = this.#output[0];
      if (first === undefined) break;
      const count = Math.min(first.length, length - done);
      target.set(first.subarray(0, count), start + done);
      if (count === first.length) this.#output.shift();
      else this.#output[0] = first.subarray(count);
      done += count;
    }
    this.#outputBytes -= done;
    if (done > 0) this.terminal.waitQueue.wake(POLLOUT | POLLWRNORM);
    return done;
  }
}

/** The file system of slaves: entries come and go with their masters. */
export class Devpts extends FileSystem {
  override readonly typeName = 'devpts';
  override readonly magic = DEVPTS_SUPER_MAGIC;
  override readonly cachesNames = false;
  override readonly blockSize = 1024;
  readonly root: DevptsRoot;
  readonly jobs: JobControl;
  readonly slaves = new Map<number, SlaveInode>();

  constructor(clock: FileClock, jobs: JobControl) {
    super(clock);
    this.jobs = jobs;
    this.root = new DevptsRoot(this);
  }

  override get options(): string {
    return 'gid=5,mode=620,ptmxmode=666';
  }

  /** A new pair, or -ENOSPC. */
  make(uid: number): Pty | number {
    let index = 0;
    while (this.slaves.has(index)) index++;
    if (index >= PTS_MAX) return -ENOSPC;
    const pty = new Pty(index, this.jobs);
    this.slaves.set(index, new SlaveInode(this, pty, uid));
    return pty;
  }

  drop(pty: Pty): void {
    this.slaves.delete(pty.index);
    pty.terminal.hangUp();
  }

  /** An open slave for a request that comes from elsewhere (/dev/tty, TIOCGPTPEER, the host). */
  slaveRequest(pty: Pty, like: OpenRequest): OpenRequest {
    const inode = this.slaves.get(pty.index) ?? like.inode;
    const root = new Dentry('', undefined, this.root);
    return { ...like, inode, dentry: new Dentry(String(pty.index), root, inode) };
  }

  openSlave(request: OpenRequest, pty: Pty): OpenFile | number {
    if (pty.isLocked) return -EIO;
    const { terminal } = pty;
    if (terminal.isExclusive && pty.slaves > 0 && !terminal.jobs.isPrivileged()) return -EBUSY;
    pty.slaves++;
    pty.hadSlave = true;
    const file = new TerminalFile(request, pty.terminal, () => {
      pty.slaves--;
      if (pty.slaves === 0) pty.masterQueue.wakeAll();
    });
    if ((request.flags & O_NOCTTY) === 0) takeAsControlling(pty.terminal);
    return file;
  }
}

/** A session leader without a terminal gets the first one that it opens. */
function takeAsControlling(terminal: Terminal): void {
  const { jobs } = terminal;
  if (!jobs.isSessionLeader() || jobs.terminal() !== undefined || terminal.session !== 0) return;
  jobs.setTerminal(terminal);
  terminal.attach(jobs.currentSession(), jobs.currentGroup());
}

class SlaveInode extends Inode {
  readonly #devpts: Devpts;
  readonly pty: Pty;

  constructor(fs: Devpts, pty: Pty, uid: number) {
    super(fs, pty.index + 3, S_IFCHR | 0o620);
    this.#devpts = fs;
    this.pty = pty;
    this.uid = uid;
    this.gid = 5;
    this.rdev = makeDev(PTS_MAJOR, pty.index);
    this.touchCreated();
  }

  override open(request: OpenRequest): OpenFile | number {
    return this.#devpts.openSlave(request, this.pty);
  }
}

class DevptsRoot extends Inode {
  declare readonly fs: Devpts;
  readonly #ptmx: Inode;

  constructor(fs: Devpts) {
    super(fs, 1, S_IFDIR | 0o755);
    this.nlink = 2;
    this.touchCreated();
    this.#ptmx = new PtmxInode(fs);
  }

  override lookup(name: string): Inode | number {
    if (name === 'ptmx') return this.#ptmx;
    return this.fs.slaves.get(/^\d{1,4}$/.test(name) ? Number(name) : -1) ?? -ENOENT;
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    if (cookie <= FIRST_COOKIE && !sink.emit('ptmx', 2, DT_CHR, FIRST_COOKIE + 1)) return 0;
    for (const [index, { ino }] of [...this.fs.slaves].sort((a, b) => a[0] - b[0])) {
      const at = FIRST_COOKIE + 1 + index;
      if (at >= cookie && !sink.emit(String(index), ino, DT_CHR, at + 1)) return 0;
    }
    return 0;
  }
}

class PtmxInode extends Inode {
  declare readonly fs: Devpts;

  constructor(fs: Devpts) {
    super(fs, 2, S_IFCHR | 0o666);
    this.rdev = DEV.ptmx;
    this.touchCreated();
  }

  override open(request: OpenRequest): OpenFile | number {
    return openMaster(this.fs, request);
  }
}

/** open("/dev/ptmx"). */
export function openMaster(devpts: Devpts, request: OpenRequest): OpenFile | number {
  const pty = devpts.make(request.credentials.fsuid);
  return typeof pty === 'number' ? pty : new MasterFile(request, devpts, pty);
}

/** open("/dev/tty"): the terminal of the caller's session. */
export function openControlling(devpts: Devpts, request: OpenRequest): OpenFile | number {
  const terminal = devpts.jobs.terminal();
  if (!(terminal instanceof Terminal)) return -ENXIO;
  return new TerminalFile(request, terminal, () => undefined);
}

class MasterFile extends OpenFile {
  readonly #devpts: Devpts;
  readonly #pty: Pty;
  override readonly waitQueue: WaitQueue;

  override get sendsSignals(): boolean {
    return true;
  }

  constructor(request: OpenRequest, devpts: Devpts, pty: Pty) {
    super(request);
    this.#devpts = devpts;
    this.#pty = pty;
    this.waitQueue = pty.masterQueue;
  }

  override get movesAtOnce(): boolean {
    return true;
  }

  override get blocksForAll(): boolean {
    return true;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const pty = this.#pty;
    if (length === 0) return 0;
    if (pty.isPacketMode && pty.status !== 0) {
      target[start] = pty.status;
      pty.status = 0;
      return 1;
    }
    if (pty.outputBytes === 0) return pty.hadSlave && pty.slaves === 0 ? -EIO : -EAGAIN;
    if (!pty.isPacketMode) return pty.readOutput(target, start, length);
    target[start] = T.TIOCPKT_DATA;
    return 1 + pty.readOutput(target, start + 1, length - 1);
  }

  override write(source: Uint8Array, start: number, length: number): number {
    const { terminal } = this.#pty;
    // Small pieces, so that a flood does not overrun the line that a reader is to take first.
    let done = 0;
    while (done < length) {
      const count = Math.min(length - done, PIECE_BYTES, terminal.inputRoom);
      if (count === 0) return done > 0 ? done : -EAGAIN;
      terminal.receive(source, start + done, count);
      done += count;
    }
    return done;
  }

  override poll(): number {
    const pty = this.#pty;
    let events = 0;
    if (pty.outputBytes > 0) events |= POLLIN | POLLRDNORM;
    if (pty.isPacketMode && pty.status !== 0) events |= POLLIN | POLLRDNORM | POLLPRI;
    if (pty.hadSlave && pty.slaves === 0) events |= POLLHUP;
    if (pty.terminal.inputRoom > 0) events |= POLLOUT | POLLWRNORM;
    return events;
  }

  override ioctl(command: number, argument: number, memory: UserMemory): number {
    const pty = this.#pty;
    const word = new Uint8Array(4);
    const view = new DataView(word.buffer);
    const put = (value: number): number => {
      view.setInt32(0, value, true);
      return memory.write(argument, word) ? 0 : -EFAULT;
    };
    switch (command >>> 0) {
      case T.TIOCGPTN:
        return put(pty.index);
      case T.TIOCSIG:
        if (!SENT_SIGNALS.includes(argument)) return -EINVAL;
        pty.terminal.signal(argument);
        return 0;
      case T.TIOCGPTLCK:
        return put(Number(pty.isLocked));
      case T.TIOCSPTLCK:
        if (!memory.read(argument, word)) return -EFAULT;
        pty.isLocked = view.getInt32(0, true) !== 0;
        return 0;
      case T.TIOCPKT:
        if (!memory.read(argument, word)) return -EFAULT;
        if (!pty.isPacketMode) pty.status = 0;
        pty.isPacketMode = view.getInt32(0, true) !== 0;
        return 0;
      case T.TIOCGPKT:
        return put(Number(pty.isPacketMode));
      case T.FIONREAD:
        return put(pty.outputBytes);
      case T.TIOCGPGRP:
        return put(pty.terminal.foregroundGroup);
      case T.TIOCGSID:
        return put(pty.terminal.session);
      default:
        // Everything else is about the terminal itself.
        return this.#slaveIoctl(command, argument, memory);
    }
  }

  #slaveIoctl(command: number, argument: number, memory: UserMemory): number {
    const request = this.#devpts.slaveRequest(this.#pty, { ...this, flags: O_RDWR });
    const file = new TerminalFile(request, this.#pty.terminal, () => undefined);
    const result = file.ioctl(command, argument, memory);
    file.release();
    return result;
  }

  override openPeer(flags: number): OpenFile | number {
    const { mount, dentry, inode, credentials } = this;
    const like = { mount, dentry, inode, credentials, flags };
    const request = this.#devpts.slaveRequest(this.#pty, like);
    return this.#devpts.openSlave(request, this.#pty);
  }

  protected override closed(): void {
    this.#devpts.drop(this.#pty);
  }
}
