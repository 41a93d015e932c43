/**
 * Raw system calls through the stub `syscall` and its mailbox, with checked arguments.
 *
 * Results are ≥ 0 or -errno. measured: 20 ns above the kernel's own cost, against 60 and more with
 * BigInt arguments, and nothing can overwrite an errno between call and reading.
 */

import { assert } from '../../base/assert.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import { PAGE } from './libc.ts';

/** arch/x86/entry/syscalls/syscall_64.tbl */
export const SYS = {
  mmap: 9,
  mprotect: 10,
  munmap: 11,
  rt_sigprocmask: 14,
  ioctl: 16,
  pread64: 17,
  pwrite64: 18,
  lseek: 8,
  sendfile: 40,
  mremap: 25,
  mincore: 27,
  madvise: 28,
  close: 3,
  poll: 7,
  socket: 41,
  connect: 42,
  sendto: 44,
  recvfrom: 45,
  shutdown: 48,
  bind: 49,
  listen: 50,
  getsockname: 51,
  setsockopt: 54,
  getsockopt: 55,
  fcntl: 72,
  ftruncate: 77,
  gettid: 186,
  timer_create: 222,
  timer_settime: 223,
  timer_delete: 226,
  exit_group: 231,
  epoll_wait: 232,
  epoll_ctl: 233,
  fallocate: 285,
  getrandom: 318,
  accept4: 288,
  epoll_create1: 291,
  memfd_create: 319,
  epoll_pwait2: 441,
} as const;

const HIGH = 2 ** 32;
const ADDRESS_LIMIT = 2 ** 47;

export class RawSyscalls {
  readonly #i32: Int32Array;
  readonly #enter: () => number;

  constructor(mailbox: ArrayBuffer, enter: () => number) {
    this.#i32 = new Int32Array(mailbox);
    this.#enter = enter;
  }

  #set(index: number, value: number): void {
    const i32 = this.#i32;
    const at = MAILBOX.syscall / 4 + 2 * index;
    i32[at] = value | 0;
    i32[at + 1] = Math.floor(value / HIGH);
  }

  /** Makes the call that stands in the mailbox: its result. */
  #run(): number {
    this.#enter();
    const at = MAILBOX.syscall / 4;
    return (this.#i32[at + 1] as number) * HIGH + ((this.#i32[at] as number) >>> 0);
  }

  /** Unchecked: for the checked calls below and those of FileCalls. */
  protected call(number: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): number {
    this.#set(0, number);
    this.#set(1, a0);
    this.#set(2, a1);
    this.#set(3, a2);
    this.#set(4, a3);
    this.#set(5, a4);
    this.#set(6, a5);
    return this.#run();
  }

  /** The same with three: the others keep what they had, which the kernel does not read. */
  #call3(number: number, a0: number, a1: number, a2: number): number {
    this.#set(0, number);
    this.#set(1, a0);
    this.#set(2, a1);
    this.#set(3, a2);
    return this.#run();
  }

  mmap(
    address: number,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): number {
    checkRange(address, length);
    assert(offset >= 0 && offset % PAGE === 0, 'offset');
    return this.call(SYS.mmap, address, length, prot, flags, fd, offset);
  }

  munmap(address: number, length: number): number {
    checkRange(address, length);
    return this.call(SYS.munmap, address, length);
  }

  mprotect(address: number, length: number, prot: number): number {
    checkRange(address, length);
    return this.#call3(SYS.mprotect, address, length, prot);
  }

  /** MREMAP_MAYMOVE | MREMAP_FIXED of a range to another of the same length. */
  moveMapping(from: number, to: number, length: number): number {
    checkRange(from, length);
    checkRange(to, length);
    return this.call(SYS.mremap, from, length, length, 3, to);
  }

  madvise(address: number, length: number, advice: number): number {
    checkRange(address, length);
    return this.#call3(SYS.madvise, address, length, advice);
  }

  /** `target` must not be movable: foreign memory or a large ArrayBuffer's address. */
  mincore(address: number, length: number, target: number): number {
    checkRange(address, length);
    return this.call(SYS.mincore, address, length, checkPointer(target));
  }

  ftruncate(fd: number, length: number): number {
    assert(fd >= 0 && length >= 0);
    return this.call(SYS.ftruncate, fd, length);
  }

  fallocate(fd: number, mode: number, offset: number, length: number): number {
    assert(fd >= 0 && offset >= 0 && length > 0);
    return this.call(SYS.fallocate, fd, mode, offset, length);
  }

  close(fd: number): number {
    assert(fd > 2);
    return this.call(SYS.close, fd);
  }

  fcntl(fd: number, command: number, argument: number): number {
    assert(fd >= 0);
    return this.call(SYS.fcntl, fd, command, argument);
  }

  ioctl(fd: number, request: number, pointer: number): number {
    assert(fd >= 0);
    return this.call(SYS.ioctl, fd, request, checkPointer(pointer));
  }

  pread(fd: number, target: number, length: number, offset: number): number {
    assert(fd >= 0 && length >= 0 && offset >= 0);
    return this.call(SYS.pread64, fd, checkPointer(target), length, offset);
  }

  /** From `*position` of `from` to where `to` stands; moves both. */
  sendfile(to: number, from: number, position: number, length: number): number {
    return this.call(SYS.sendfile, to, from, checkPointer(position), length);
  }

  /** SEEK_SET */
  seekTo(fd: number, offset: number): number {
    return this.call(SYS.lseek, fd, offset, 0);
  }

  pwrite(fd: number, source: number, length: number, offset: number): number {
    assert(fd >= 0 && length >= 0 && offset >= 0);
    return this.call(SYS.pwrite64, fd, checkPointer(source), length, offset);
  }

  /** Bytes of the kernel's generator at `target`; all of them when at most 256. */
  getrandom(target: number, length: number): number {
    assert(length > 0 && length <= 256);
    return this.call(SYS.getrandom, checkPointer(target), length, 0);
  }

  // --- sockets: pointers are to memory that does not move while the call lasts ---------------------

  socket(family: number, type: number): number {
    return this.call(SYS.socket, family, type, 0);
  }

  bind(fd: number, address: number, length: number): number {
    return this.call(SYS.bind, checkFd(fd), checkPointer(address), length);
  }

  listen(fd: number, backlog: number): number {
    return this.call(SYS.listen, checkFd(fd), backlog);
  }

  connect(fd: number, address: number, length: number): number {
    return this.call(SYS.connect, checkFd(fd), checkPointer(address), length);
  }

  accept4(fd: number, address: number, lengthAt: number, flags: number): number {
    return this.call(
      SYS.accept4,
      checkFd(fd),
      checkPointer(address),
      checkPointer(lengthAt),
      flags,
    );
  }

  getsockname(fd: number, address: number, lengthAt: number): number {
    return this.call(SYS.getsockname, checkFd(fd), checkPointer(address), checkPointer(lengthAt));
  }

  setsockopt(fd: number, level: number, option: number, at: number, length: number): number {
    return this.call(SYS.setsockopt, checkFd(fd), level, option, checkPointer(at), length);
  }

  getsockopt(fd: number, level: number, option: number, at: number, lengthAt: number): number {
    const [value, room] = [checkPointer(at), checkPointer(lengthAt)];
    return this.call(SYS.getsockopt, checkFd(fd), level, option, value, room);
  }

  shutdown(fd: number, how: number): number {
    return this.call(SYS.shutdown, checkFd(fd), how);
  }

  recvfrom(
    fd: number,
    target: number,
    length: number,
    flags: number,
    address: number,
    lengthAt: number,
  ): number {
    assert(length >= 0);
    checkPointer(target + length);
    return this.call(SYS.recvfrom, checkFd(fd), target, length, flags, address, lengthAt);
  }

  sendto(
    fd: number,
    source: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ): number {
    assert(length >= 0);
    checkPointer(source + length);
    return this.call(SYS.sendto, checkFd(fd), source, length, flags, address, addressLength);
  }

  /** One `struct pollfd`, without waiting. */
  pollNow(at: number): number {
    return this.call(SYS.poll, checkPointer(at), 1, 0);
  }

  epollCreate(): number {
    return this.call(SYS.epoll_create1, 0o2000000);
  }

  epollCtl(epoll: number, operation: number, fd: number, event: number): number {
    return this.call(SYS.epoll_ctl, checkFd(epoll), operation, checkFd(fd), checkPointer(event));
  }

  epollWait(epoll: number, events: number, max: number, timeoutMs: number): number {
    return this.call(SYS.epoll_wait, checkFd(epoll), checkPointer(events), max, timeoutMs);
  }

  /** `timeout` points to a `struct timespec`. */
  epollWaitExactly(epoll: number, events: number, max: number, timeout: number): number {
    const [at, limit] = [checkPointer(events), checkPointer(timeout)];
    return this.call(SYS.epoll_pwait2, checkFd(epoll), at, max, limit, 0, 8);
  }

  /** `set` and `old` point to 8 bytes each (0: none). */
  sigprocmask(how: number, set: number, old: number): number {
    return this.call(SYS.rt_sigprocmask, how, checkPointer(set), checkPointer(old), 8);
  }

  /** Does not return. */
  exitGroup(status: number): void {
    assert(status >= 0 && status < 256);
    this.call(SYS.exit_group, status);
  }

  gettid(): number {
    return this.call(SYS.gettid);
  }

  timerCreate(clock: number, event: number, timer: number): number {
    return this.call(SYS.timer_create, clock, checkPointer(event), checkPointer(timer));
  }

  timerSettime(timer: number, spec: number): number {
    return this.call(SYS.timer_settime, timer, 0, checkPointer(spec), 0);
  }
}

/** Never one of the standard streams. */
function checkFd(fd: number): number {
  assert(Number.isInteger(fd) && fd > 2, 'descriptor');
  return fd;
}

function checkPointer(address: number): number {
  assert(Number.isSafeInteger(address) && address >= 0 && address < ADDRESS_LIMIT, 'pointer');
  return address;
}

function checkRange(address: number, length: number): void {
  assert(
    address >= 0 && address % PAGE === 0 && length > 0 && length % PAGE === 0,
    'range is not whole pages',
  );
  assert(address + length <= ADDRESS_LIMIT, 'range beyond user space');
}
