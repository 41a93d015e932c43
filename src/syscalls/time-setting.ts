/** Setting CLOCK_REALTIME of the instance: clock_settime(2), settimeofday(2), adjtimex(2). */

import { CAP_SYS_TIME } from '../abi/capability.ts';
import { EFAULT, EINVAL, EOPNOTSUPP, EPERM } from '../abi/errno.table.ts';
import { CLOCK, NS_PER_SEC, NS_PER_US } from '../abi/time.ts';
import { cpuTarget } from '../kernel/clocks.ts';
import type { Task } from '../kernel/task.ts';
import { readTimespec, readTimeval } from './timespec.ts';

const SECOND = BigInt(NS_PER_SEC);
const MICROSECOND = BigInt(NS_PER_US);
/** `TIME_SETTOD_SEC_MAX`: what 64 bits of nanoseconds show, less an uptime of thirty years. */
const MAX_SECONDS = 8_277_292_036n;
/** A time zone is at most so far from Greenwich. */
const MAX_MINUTES_WEST = 15 * 60;

/** `do_sys_settimeofday64`. */
function setRealtime(task: Task, ns: bigint): number {
  const { kernel } = task;
  if (ns / SECOND > MAX_SECONDS) return -EINVAL;
  if (!task.creds.has(CAP_SYS_TIME)) return -EPERM;
  // CLOCK_REALTIME cannot show a time before the machine started.
  if (ns < kernel.clock.monotonicNs()) return -EINVAL;
  kernel.moveRealtime(ns - kernel.clock.realtimeNs());
  return 0;
}

/** Seconds and parts of one at `addr`; the caller has checked them. */
function pairAt(task: Task, addr: number, part: bigint): bigint {
  const seconds = task.space.readBigU64(addr) ?? 0n;
  const rest = task.space.readBigU64(addr + 8) ?? 0n;
  return seconds * SECOND + rest * part;
}

export function sysClockSettime(task: Task, id: number, addr: number): number {
  const isCpu = id < 0 && cpuTarget(task, id) !== undefined;
  if (id !== CLOCK.CLOCK_REALTIME && !isCpu) return -EINVAL;
  const checked = readTimespec(task, addr);
  if (checked < 0) return checked;
  return isCpu ? -EPERM : setRealtime(task, pairAt(task, addr, 1n));
}

export function sysSettimeofday(task: Task, timevalAt: number, timezoneAt: number): number {
  if (timevalAt !== 0) {
    const checked = readTimeval(task, timevalAt);
    if (checked < 0) return checked;
  }
  const zone = timezoneAt === 0 ? undefined : task.space.readBigU64(timezoneAt);
  if (timezoneAt !== 0 && zone === undefined) return -EFAULT;
  if (timevalAt === 0 && zone === undefined) return 0;
  if (!task.creds.has(CAP_SYS_TIME)) return -EPERM;
  if (zone !== undefined) {
    const minutesWest = Number(BigInt.asIntN(32, zone));
    if (Math.abs(minutesWest) > MAX_MINUTES_WEST) return -EINVAL;
    task.kernel.clock.timezone = { minutesWest, dstTime: Number(BigInt.asIntN(32, zone >> 32n)) };
  }
  return timevalAt === 0 ? 0 : setRealtime(task, pairAt(task, timevalAt, MICROSECOND));
}

/** `struct timex`, 208 bytes. */
const TIMEX = {
  modes: 0,
  offset: 8,
  frequency: 16,
  maxError: 24,
  estimatedError: 32,
  status: 40,
  constant: 48,
  precision: 56,
  tolerance: 64,
  seconds: 72,
  fraction: 80,
  tick: 88,
  tai: 160,
  bytes: 208,
} as const;

const ADJ = {
  OFFSET: 0x1,
  FREQUENCY: 0x2,
  MAXERROR: 0x4,
  ESTERROR: 0x8,
  STATUS: 0x10,
  TIMECONST: 0x20,
  TAI: 0x80,
  SETOFFSET: 0x100,
  MICRO: 0x1000,
  NANO: 0x2000,
  TICK: 0x4000,
  /** adjtime(3): only with OFFSET, and for reading with OFFSET_READONLY. */
  ADJTIME: 0x8000,
  OFFSET_READONLY: 0x2000,
} as const;
const STA_UNSYNC = 0x40;
const STA_NANO = 0x2000;
const STA_READ_ONLY = 0xff00;
const TIME_OK = 0;
const TIME_ERROR = 5;
/** `MAXFREQ_SCALED`, `NTP_PHASE_LIMIT`, `MAXTC`, and a tick within a tenth of 10 ms. */
const MAX_FREQUENCY = 32_768_000n;
const MAX_ERROR_US = 16_000_000n;
const MAX_CONSTANT = 10n;
const TICK_US = { least: 9_000n, most: 11_000n } as const;

const clamp = (value: bigint, least: bigint, most: bigint): bigint =>
  value < least ? least : value > most ? most : value;

/** `timekeeping_validate_timex`. */
function refuseTimex(task: Task, modes: number, view: DataView): number {
  const mayChange = task.creds.has(CAP_SYS_TIME);
  if ((modes & ADJ.ADJTIME) !== 0) {
    if ((modes & ADJ.OFFSET) === 0) return -EINVAL;
    if ((modes & ADJ.OFFSET_READONLY) === 0 && !mayChange) return -EPERM;
  } else {
    if (modes !== 0 && !mayChange) return -EPERM;
    const tick = view.getBigInt64(TIMEX.tick, true);
    const isOff = tick < TICK_US.least || tick > TICK_US.most;
    if ((modes & ADJ.TICK) !== 0 && isOff) return -EINVAL;
  }
  if ((modes & ADJ.SETOFFSET) === 0) return 0;
  if (!mayChange) return -EPERM;
  const fraction = view.getBigInt64(TIMEX.fraction, true);
  const limit = (modes & ADJ.NANO) !== 0 ? SECOND : 1_000_000n;
  return fraction < 0n || fraction >= limit ? -EINVAL : 0;
}

/** `process_adjtimex_modes`. */
function changeNtp(task: Task, modes: number, view: DataView): void {
  const { ntp } = task.kernel.clock;
  const word = (at: number): bigint => view.getBigInt64(at, true);
  if ((modes & ADJ.STATUS) !== 0)
    ntp.status =
      (view.getInt32(TIMEX.status, true) & ~STA_READ_ONLY) | (ntp.status & STA_READ_ONLY);
  if ((modes & ADJ.NANO) !== 0) ntp.status |= STA_NANO;
  if ((modes & ADJ.MICRO) !== 0) ntp.status &= ~STA_NANO;
  if ((modes & ADJ.FREQUENCY) !== 0)
    ntp.frequency = clamp(word(TIMEX.frequency), -MAX_FREQUENCY, MAX_FREQUENCY);
  if ((modes & ADJ.MAXERROR) !== 0) ntp.maxErrorUs = clamp(word(TIMEX.maxError), 0n, MAX_ERROR_US);
  if ((modes & ADJ.ESTERROR) !== 0)
    ntp.estimatedErrorUs = clamp(word(TIMEX.estimatedError), 0n, MAX_ERROR_US);
  if ((modes & ADJ.TIMECONST) !== 0) {
    const extra = (ntp.status & STA_NANO) !== 0 ? 0n : 4n;
    const asked = clamp(word(TIMEX.constant), 0n, MAX_CONSTANT);
    ntp.timeConstant = clamp(asked + extra, 0n, MAX_CONSTANT);
  }
  const tai = view.getBigInt64(TIMEX.constant, true);
  if ((modes & ADJ.TAI) !== 0 && tai >= 0n && tai <= 100_000n) ntp.taiOffsetSec = Number(tai);
  if ((modes & ADJ.TICK) !== 0) ntp.tickUs = word(TIMEX.tick);
}

/** adjtimex(2). */
export function sysAdjtimex(task: Task, addr: number): number {
  const bytes = new Uint8Array(TIMEX.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const modes = view.getUint32(TIMEX.modes, true);
  const refused = refuseTimex(task, modes, view);
  if (refused < 0) return refused;
  const { clock } = task.kernel;
  if ((modes & ADJ.SETOFFSET) !== 0) {
    const part = (modes & ADJ.NANO) !== 0 ? 1n : MICROSECOND;
    const seconds = view.getBigInt64(TIMEX.seconds, true);
    const byNs = seconds * SECOND + view.getBigInt64(TIMEX.fraction, true) * part;
    const set = setRealtime(task, clock.realtimeNs() + byNs);
    if (set < 0) return set;
  }
  const isAdjtime = (modes & ADJ.ADJTIME) !== 0;
  if (!isAdjtime) changeNtp(task, modes, view);
  const { ntp } = clock;
  bytes.fill(0, 8);
  view.setBigInt64(TIMEX.offset, isAdjtime ? 0n : ntp.offset, true);
  view.setBigInt64(TIMEX.frequency, ntp.frequency, true);
  view.setBigInt64(TIMEX.maxError, ntp.maxErrorUs, true);
  view.setBigInt64(TIMEX.estimatedError, ntp.estimatedErrorUs, true);
  view.setInt32(TIMEX.status, ntp.status, true);
  view.setBigInt64(TIMEX.constant, ntp.timeConstant, true);
  view.setBigInt64(TIMEX.precision, 1n, true);
  view.setBigInt64(TIMEX.tolerance, MAX_FREQUENCY, true);
  const now = clock.realtimeNs();
  view.setBigInt64(TIMEX.seconds, now / SECOND, true);
  const unit = (ntp.status & STA_NANO) !== 0 ? 1n : MICROSECOND;
  view.setBigInt64(TIMEX.fraction, (now % SECOND) / unit, true);
  view.setBigInt64(TIMEX.tick, ntp.tickUs, true);
  view.setInt32(TIMEX.tai, ntp.taiOffsetSec, true);
  if (task.space.copyOut(addr, bytes) < 0) return -EFAULT;
  return (ntp.status & STA_UNSYNC) !== 0 ? TIME_ERROR : TIME_OK;
}

export const sysClockAdjtime = (task: Task, id: number, addr: number): number => {
  if (id === CLOCK.CLOCK_REALTIME) return sysAdjtimex(task, addr);
  return Object.values<number>(CLOCK).includes(id) ? -EOPNOTSUPP : -EINVAL;
};
