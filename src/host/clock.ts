/**
 * {@link Clock} over Node.js alone: for everything that does not run guests. Guests get the clock of
 * `native/clock.ts`, which the C library reads without a system call.
 */

import type { Clock } from '../base/interfaces.ts';

const NS_PER_MS = 1_000_000n;

export const nodeClock: Clock = {
  monotonicNs: () => process.hrtime.bigint(),
  nowNs: () => Number(process.hrtime.bigint()),
  /** To the millisecond: all that JavaScript knows of the time of day. */
  realtimeNs: () => BigInt(Date.now()) * NS_PER_MS,
  processorNs() {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1000;
  },
};
