/**
 * The C library through node:ffi, as far as Cloister needs it before its own stubs are loaded and
 * where the C library must know (dlopen, sigaction, pthread_create). Every call checks its
 * arguments here; results are ≥ 0 or -errno.
 *
 * Addresses are numbers below 2^47, so exact.
 */

import ffi from 'node:ffi';
import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';

export const PAGE = 4096;
/** What a large page of x86-64 has (SDM vol. 3, 4.5.4). */
export const LARGE_PAGE = 2 ** 21;
/** User addresses of x86-64 with four-level paging. */
const ADDRESS_LIMIT = 2 ** 47;

// asm-generic/mman-common.h
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
export const MADV_DONTNEED = 4;
/** Since Linux 5.14: pages at once instead of by faults. */
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;
/** Since Linux 6.1: large pages at once, whatever the machine's settings for them say. */
export const MADV_COLLAPSE = 25;
export const MAP_POPULATE = 0x8000;
const MREMAP_MAYMOVE = 1;
export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

const SIGNATURES = {
  mmap: {
    arguments: ['uint64', 'uint64', 'int32', 'int32', 'int32', 'int64'],
    return: 'int64',
  },
  mremap: { arguments: ['uint64', 'uint64', 'uint64', 'int32'], return: 'int64' },
  mprotect: { arguments: ['uint64', 'uint64', 'int32'], return: 'int32' },
  memfd_create: { arguments: ['string', 'uint32'], return: 'int32' },
  ftruncate: { arguments: ['int32', 'int64'], return: 'int32' },
  sigaction: { arguments: ['int32', 'pointer', 'pointer'], return: 'int32' },
  sigaltstack: { arguments: ['pointer', 'pointer'], return: 'int32' },
  pthread_create: { arguments: ['pointer', 'pointer', 'uint64', 'uint64'], return: 'int32' },
  getauxval: { arguments: ['uint64'], return: 'uint64' },
  __errno_location: { arguments: [], return: 'uint64' },
} as const;

type Functions = Record<keyof typeof SIGNATURES, (...args: unknown[]) => unknown>;

/** Refuses what is no user address; the one gate for numbers that become pointers. */
export function checkedAddress(address: number): bigint {
  assert(
    Number.isSafeInteger(address) && address >= 0 && address < ADDRESS_LIMIT,
    'not a host address',
  );
  return BigInt(address);
}

/** A view of foreign memory. The caller vouches that it stays mapped while the view is used. */
export function viewOf(address: HostAddr, length: number): ArrayBuffer {
  assert(Number.isSafeInteger(length) && length > 0);
  assert(address > PAGE && address + length <= ADDRESS_LIMIT, 'view outside user space');
  return ffi.toArrayBuffer(checkedAddress(address), length, false);
}

/** Where the bytes of a view lie. They must not move: not for small arrays inside V8's heap. */
export function addressOf(view: ArrayBufferView): HostAddr {
  const start = Number(ffi.getRawPointer(view as Uint8Array));
  return start as HostAddr;
}

export class Libc {
  readonly #f: Functions;
  readonly #errno: Int32Array;

  constructor() {
    const library = ffi.dlopen('libc.so.6', SIGNATURES as never);
    this.#f = library.functions as unknown as Functions;
    const errnoAt = Number(this.#f.__errno_location());
    this.#errno = new Int32Array(ffi.toArrayBuffer(BigInt(errnoAt), 4, false));
  }

  /** The address, or -errno. */
  mmap(
    address: number,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): number {
    assert(length > 0 && Number.isSafeInteger(length) && address % PAGE === 0);
    assert(offset >= 0 && offset % PAGE === 0);
    const result = this.#f.mmap(
      checkedAddress(address),
      BigInt(length),
      prot,
      flags,
      fd,
      BigInt(offset),
    ) as bigint;
    return result === -1n ? this.#failure() : Number(result);
  }

  /** A second mapping of shared pages (mremap(2), `old_size` 0): its address, or -errno. */
  mapAgain(address: HostAddr, length: number): number {
    assert(length > 0 && Number.isSafeInteger(length) && address % PAGE === 0);
    const from = checkedAddress(address);
    const result = this.#f.mremap(from, 0n, BigInt(length), MREMAP_MAYMOVE) as bigint;
    return result === -1n ? this.#failure() : Number(result);
  }

  mprotect(address: HostAddr, length: number, prot: number): number {
    assert(length > 0 && Number.isSafeInteger(length) && address % PAGE === 0);
    return this.#checked(this.#f.mprotect(checkedAddress(address), BigInt(length), prot));
  }

  memfdCreate(name: string, flags: number): number {
    assert(name.length < 240);
    return this.#checked(this.#f.memfd_create(name, flags));
  }

  ftruncate(fd: number, length: number): number {
    assert(fd >= 0 && length >= 0 && Number.isSafeInteger(length));
    return this.#checked(this.#f.ftruncate(fd, BigInt(length)));
  }

  /** `action` and `old` are glibc's struct sigaction: 152 bytes. */
  sigaction(signal: number, action: Uint8Array | null, old: Uint8Array | null): number {
    assert(signal > 0 && signal < 65);
    assert((action?.length ?? 152) === 152 && (old?.length ?? 152) === 152);
    return this.#checked(this.#f.sigaction(signal, action, old));
  }

  /** `stack` is a stack_t: 24 bytes. */
  sigaltstack(stack: Uint8Array): number {
    assert(stack.length === 24);
    return this.#checked(this.#f.sigaltstack(stack, null));
  }

  /** A thread at `start` (machine code that never returns). Returns 0 or -errno. */
  startThread(start: HostAddr, argument = 0): number {
    const thread = new Uint8Array(8);
    const at = checkedAddress(start);
    const error = this.#f.pthread_create(thread, null, at, BigInt(argument)) as number;
    return error === 0 ? 0 : -error;
  }

  getauxval(type: number): number {
    return Number(this.#f.getauxval(BigInt(type)));
  }

  #checked(result: unknown): number {
    return result === -1 ? this.#failure() : (result as number);
  }

  #failure(): number {
    return -(this.#errno[0] as number);
  }
}

/** Where the C library has a function. */
export function symbolOfLibc(name: string): HostAddr {
  return Number(new ffi.DynamicLibrary('libc.so.6').getSymbol(name)) as HostAddr;
}

export interface LoadedObject {
  readonly symbols: Readonly<Record<string, HostAddr>>;
  /** A symbol as a function without arguments that returns a 32-bit integer. */
  call(name: string): () => number;
  /** A symbol as a function of one pointer. */
  callWithPointer(name: string): (pointer: bigint) => number;
}

/** dlopen of a shared object in a memfd; it stays loaded for the life of the process. */
export function loadSharedObject(path: string, names: readonly string[]): LoadedObject {
  const library = new ffi.DynamicLibrary(path);
  const symbols: Record<string, HostAddr> = {};
  for (const name of names) symbols[name] = Number(library.getSymbol(name)) as HostAddr;
  const plain = { arguments: [], return: 'int32' } as const;
  const pointer = { arguments: ['pointer'], return: 'int32' } as const;
  return {
    symbols,
    call: (name) => library.getFunction(name, plain as never) as unknown as () => number,
    callWithPointer: (name) =>
      library.getFunction(name, pointer as never) as unknown as (p: bigint) => number,
  };
}
