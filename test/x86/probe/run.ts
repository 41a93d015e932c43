/** Builds and runs probe.c; encodes its cases and decodes its results. */

import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';

export interface ProbeCase {
  readonly code: Uint8Array;
  readonly seed: number;
  readonly gp: readonly bigint[];
  /** Vector register that serves as index, and its element bits; -1: none. */
  readonly index: number;
  readonly indexBits: number;
  /** 0: run; 1: ask on what the outcome depends, too; 2: measure the length (in gpChanged). */
  readonly mode: 0 | 1 | 2;
  readonly flags: number;
}

export interface ProbeResult {
  readonly signal: number;
  readonly gpChanged: number;
  readonly vecChanged: number;
  readonly maskChanged: number;
  readonly flagsChanged: number;
  readonly x87Changed: boolean;
  readonly gpRead: number;
  readonly vecRead: number;
  readonly maskRead: number;
  readonly flagsRead: number;
  /** Flags whose new value depends on their old one. */
  readonly flagsKept: number;
  readonly faultAddress: bigint;
  readonly firstByte: number;
  readonly lastByte: number;
}

/** The data pages of probe.c, a guard on either side. */
export const DATA = 0x10001000;
export const DATA_END = 0x10003000;

const CASE_BYTES = 16 + 8 + 128 + 16;
const RESULT_BYTES = 64;

function encodeCase(c: ProbeCase): Buffer {
  const out = Buffer.alloc(CASE_BYTES);
  out.set(c.code.subarray(0, 16), 0);
  out.writeUInt32LE(c.code.length, 16);
  out.writeUInt32LE(c.seed, 20);
  for (const [n, value] of c.gp.entries())
    out.writeBigUInt64LE(BigInt.asUintN(64, value), 24 + 8 * n);
  out.writeInt32LE(c.index, 152);
  out.writeInt32LE(c.indexBits, 156);
  out.writeUInt32LE(c.mode, 160);
  out.writeUInt32LE(c.flags, 164);
  return out;
}

function decodeResult(at: Buffer): ProbeResult {
  const u = (n: number) => at.readUInt32LE(4 * n);
  return {
    signal: at.readInt32LE(0),
    gpChanged: u(1),
    vecChanged: u(2),
    maskChanged: u(3),
    flagsChanged: u(4),
    x87Changed: u(5) !== 0,
    gpRead: u(6),
    vecRead: u(7),
    maskRead: u(8),
    flagsRead: u(9),
    flagsKept: u(10),
    faultAddress: at.readBigUInt64LE(48),
    firstByte: at.readInt32LE(56),
    lastByte: at.readInt32LE(60),
  };
}

/** Runs the cases, each from a fresh state, with the built program `probe`. */
export function runProbe(probe: string, cases: readonly ProbeCase[]): ProbeResult[] {
  const { status, stdout, stderr } = spawnSync(probe, {
    input: Buffer.concat(cases.map(encodeCase)),
    maxBuffer: 1 << 30,
    timeout: 120_000,
  });
  if (status !== 0 || stdout.length !== cases.length * RESULT_BYTES)
    throw new Error(`probe failed: ${status} ${stderr} after ${stdout.length / RESULT_BYTES}`);
  return cases.map((_, n) =>
    decodeResult(stdout.subarray(n * RESULT_BYTES, (n + 1) * RESULT_BYTES)),
  );
}
