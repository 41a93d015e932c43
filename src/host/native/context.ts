/** What the parts of host/native share; made once per host thread by `createNativeHost`. */

import type { HostAddr } from '../../base/brand.ts';
import type { Reservation } from './arena.ts';
import type { EngineObject } from './engine-object.ts';
import type { Libc } from './libc.ts';
import type { RawSyscalls } from './raw-syscalls.ts';

export interface NativeContext {
  readonly libc: Libc;
  readonly sys: RawSyscalls;
  readonly engine: EngineObject;
  readonly reservation: Reservation;
  /** Memory that does not move, for copies between JavaScript and the kernel or a sandbox. */
  readonly bounce: Uint8Array;
  readonly bounceAddress: HostAddr;
}
