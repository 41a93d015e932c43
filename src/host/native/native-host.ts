/**
 * Makes the native side of a runtime: real pages and the engine's machine code. One a host thread;
 * it stays for the life of the process, because the C library cannot unload thread-local storage
 * that stubs and signal handlers use.
 */

import { assert } from '../../base/assert.ts';
import type { Clock, Entropy } from '../../base/interfaces.ts';
import type { CodeHost } from '../../cpu/code-host.ts';
import type { PageHost } from '../../mm/page-host.ts';
import { reserveArena } from './arena.ts';
import { NativeClock } from './clock.ts';
import { NativeCodeHost } from './code-host.ts';
import type { NativeContext } from './context.ts';
import { CODE_BYTES, loadEngineObject, mustMap } from './engine-object.ts';
import { NativeEntropy } from './entropy.ts';
import { FileCalls } from './file-calls.ts';
import { Libc, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, viewOf } from './libc.ts';
import { NativePageHost } from './pages.ts';
import { RawSyscalls } from './raw-syscalls.ts';
import { TICK_SIGNAL, takeOverSignals } from './signals.ts';
import type { NativeNetwork } from './sockets.ts';
import { FIRST_TABLES_BYTES } from './tables.ts';

const BOUNCE_BYTES = 256 * 1024;

export interface NativeHost {
  readonly pages: PageHost;
  readonly code: CodeHost;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** ioctl(2) with an argument that is read and written (at most 4 KiB): its result or -errno. */
  ioctl(fd: number, command: number, argument: Uint8Array): number;
  /** Calls on files that Node.js does not have. */
  readonly files: FileCalls;
  /** Sockets of the host; opens what they need at the first call. */
  network(): Promise<NativeNetwork>;
  /**
   * Ends the process at once: what `process.exit` does after its handlers — waiting for V8's threads,
   * tearing down the heap — takes milliseconds, and has been seen to wait for ever when one of those
   * threads waits for a collection by this one.
   */
  exit(status: number): void;
}

/** `hasPartner`: a second thread enters guests even where that is not of use. */
export function createNativeHost({ hasPartner }: { hasPartner?: true } = {}): NativeHost {
  const libc = new Libc();
  // First of all: while V8's heap is small, the collection that a large view causes is cheap.
  const reservation = reserveArena(libc, CODE_BYTES + FIRST_TABLES_BYTES);
  if (!reservation) throw new Error('no address space for a sandbox: raise `ulimit -v`');
  const engine = loadEngineObject(libc, reservation, { tickSignal: TICK_SIGNAL });
  const sys = new RawSyscalls(engine.mailbox, engine.calls.syscall);
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const at = mustMap(libc.mmap(0, BOUNCE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0), 'buffer');
  const bounce = new Uint8Array(viewOf(at, BOUNCE_BYTES));
  const native: NativeContext = { libc, sys, engine, reservation, bounce, bounceAddress: at };
  takeOverSignals(native);
  return {
    pages: new NativePageHost(native),
    code: new NativeCodeHost(native, hasPartner),
    entropy: new NativeEntropy(native),
    clock: new NativeClock(native),
    ioctl: (fd, command, argument) => {
      assert(argument.length <= 4096, 'a small argument');
      bounce.set(argument);
      const result = sys.ioctl(fd, command, at);
      argument.set(bounce.subarray(0, argument.length));
      return result;
    },
    files: new FileCalls(native),
    network: async () => {
      const { NativeNetwork } = await import('./sockets.ts');
      const { hostInterfaces } = await import('../host-interfaces.ts');
      return new NativeNetwork(libc, sys, hostInterfaces);
    },
    exit: (status) => sys.exitGroup(status),
  };
}
