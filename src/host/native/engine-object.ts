/**
 * Loads the engine's machine code: code memory, the mailbox, the shared object with the
 * thread-local block, the stubs. Once per host thread that enters guests.
 */

import { writeSync } from 'node:fs';
import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import type { CodeMemory } from '../../cpu/code-host.ts';
import { MIB, TLS_BYTES } from '../../cpu/sandbox/layout.ts';
import { CALLS, type Stubs } from '../../cpu/stubs/calls.ts';
import { MAILBOX, MAILBOX_BYTES } from '../../cpu/stubs/mailbox.ts';
import { placeProbe, placeStubs } from '../../cpu/stubs/place.ts';
import { buildSharedObject, SYMBOLS } from '../../cpu/stubs/shared-object.ts';
import type { Reservation } from './arena.ts';
import {
  type Libc,
  loadSharedObject,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PAGE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  viewOf,
} from './libc.ts';

export const CODE_BYTES = 512 * MIB;
/** Room for the stubs at the start of code memory. */
export const STUB_BYTES = 4 * PAGE;
/** The probe lies behind the stubs: nothing is overwritten that may have been executed. */
const PROBE_AT = STUB_BYTES - 512;
const MFD_CLOEXEC = 1;
const AT_HWCAP2 = 26;
const HWCAP2_FSGSBASE = 2;

export type CallName = keyof typeof CALLS;

export interface EngineObject {
  readonly code: CodeMemory;
  readonly codeStart: number;
  readonly stubs: Stubs;
  readonly tlsDisplacement: number;
  readonly mailboxAddress: HostAddr;
  readonly mailbox: ArrayBuffer;
  readonly hasFsgsbase: boolean;
  readonly hasAvx512: boolean;
  readonly calls: Readonly<Record<CallName, () => number>>;
}

/** The address, or an exception: without it there is no engine. */
export function mustMap(result: number, what: string): HostAddr {
  if (result < 0) throw new Error(`${what}: cannot map memory (errno ${-result})`);
  return result as HostAddr;
}

/**
 * The writable view lies at the start of the reservation. Anonymous pages, mapped twice, rather than a
 * file in memory: perf(1) looks symbols of translated code up in /tmp/perf-PID.map only where no file
 * is mapped.
 */
function mapCode(libc: Libc, { start, buffer }: Reservation): CodeMemory {
  const flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  const at = libc.mmap(start, CODE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
  const writable = mustMap(at, 'code memory');
  const executable = mustMap(libc.mapAgain(writable, CODE_BYTES), 'code memory');
  const isProtected = libc.mprotect(executable, CODE_BYTES, PROT_READ | PROT_EXEC);
  assert(isProtected === 0, 'code memory cannot be made executable');
  return { bytes: new Uint8Array(buffer, 0, CODE_BYTES), executable, sizeBytes: CODE_BYTES };
}

export function loadEngineObject(
  libc: Libc,
  reservation: Reservation,
  options: { readonly tickSignal: number },
): EngineObject {
  const code = mapCode(libc, reservation);
  const mailboxAddress = mustMap(
    libc.mmap(0, MAILBOX_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
    'mailbox',
  );
  const fd = libc.memfdCreate('cloister-stubs', MFD_CLOEXEC);
  assert(fd >= 0, 'memfd_create');
  const object = buildSharedObject(TLS_BYTES);
  assert(writeSync(fd, object) === object.length, 'short write to a memfd');
  const loaded = loadSharedObject(`/proc/self/fd/${fd}`, SYMBOLS);
  const offsetView = new BigInt64Array(viewOf(loaded.symbols['tlsOffset'] as HostAddr, 8));
  const tlsDisplacement = Number(offsetView[0]);
  assert(tlsDisplacement < 0 && tlsDisplacement > -65536, 'thread-local block is not static');
  const hasFsgsbase = (libc.getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) !== 0;
  const slots = new BigUint64Array(viewOf(loaded.symbols['slots'] as HostAddr, 8 * 16));
  const install = (hasAvx512: boolean): Stubs => {
    const stubs = placeStubs({
      origin: code.executable,
      codeEnd: code.executable + CODE_BYTES,
      codeStart: STUB_BYTES,
      tlsDisplacement,
      mailbox: mailboxAddress,
      hasAvx512,
      hasFsgsbase,
      tickSignal: options.tickSignal,
    });
    assert(stubs.bytes.length <= PROBE_AT, 'stubs outgrew their room');
    code.bytes.set(stubs.bytes);
    for (const [name, slot] of Object.entries(CALLS))
      slots[slot] = BigInt(stubs.calls[name as CallName]);
    return stubs;
  };
  const calls = Object.fromEntries(
    Object.entries(CALLS).map(([name, slot]) => [name, loaded.call(`call${slot}`)]),
  ) as Record<CallName, () => number>;
  const mailbox = viewOf(mailboxAddress, MAILBOX_BYTES);
  // The processor is asked first; then come the stubs for it.
  const probe = placeProbe(code.executable + PROBE_AT, mailboxAddress);
  code.bytes.set(probe.bytes, PROBE_AT);
  slots[CALLS.cpuid] = BigInt(probe.cpuid);
  slots[CALLS.xgetbv] = BigInt(probe.xgetbv);
  const hasAvx512 = detectAvx512(new Int32Array(mailbox), calls);
  return {
    code,
    codeStart: STUB_BYTES,
    stubs: install(hasAvx512),
    hasAvx512,
    tlsDisplacement,
    mailboxAddress,
    mailbox,
    hasFsgsbase,
    calls,
  };
}

/** CPUID as the processor answers it: eax, ebx, ecx, edx in the mailbox. */
export function rawCpuid(
  i32: Int32Array,
  call: () => number,
  leaf: number,
  subleaf: number,
): { eax: number; ebx: number; ecx: number; edx: number } {
  const at = MAILBOX.cpuid / 4;
  i32[at] = leaf;
  i32[at + 1] = subleaf;
  call();
  const out = (n: number) => (i32[at + n] as number) >>> 0;
  return { eax: out(0), ebx: out(1), ecx: out(2), edx: out(3) };
}

/** SDM vol. 1, 15.2: OSXSAVE, XCR0[7:5] and [2:1], AVX512F with BW (64-bit masks) and VL. */
function detectAvx512(i32: Int32Array, calls: Readonly<Record<CallName, () => number>>): boolean {
  if (rawCpuid(i32, calls.cpuid, 0, 0).eax < 7) return false;
  if ((rawCpuid(i32, calls.cpuid, 1, 0).ecx & (1 << 27)) === 0) return false;
  calls.xgetbv();
  if (((i32[MAILBOX.cpuid / 4] as number) & 0xe6) !== 0xe6) return false;
  const { ebx } = rawCpuid(i32, calls.cpuid, 7, 0);
  const needed = [16, 30, 31];
  return needed.every((bit) => ((ebx >>> bit) & 1) === 1);
}
