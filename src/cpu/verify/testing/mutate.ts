/** Mutants of translated code: what a broken or malicious translator might make of a unit. */
import type { SeededRandom } from '../../../base/random.ts';

const PREFIXES = [0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x3e, 0x26, 0x36];
/** Bytes that change what an instruction is. */
const OPCODES = [
  ...[0x0f, 0xff, 0x8f, 0xe8, 0xe9, 0xeb, 0xc3, 0xcd, 0x62, 0xc4, 0xc5, 0xd5, 0xa4, 0xaa, 0xa5],
  ...[0xab, 0x05, 0x04, 0x25, 0x8b, 0x89, 0xae, 0xc7, 0x8e, 0x9d, 0x50, 0x58, 0x74, 0x48, 0x41],
];

/** A unit to make mutants of, and where its instructions (that may be entered) start. */
export interface Seed {
  readonly bytes: Uint8Array;
  readonly boundaries: readonly number[];
}

interface Strike {
  readonly unit: number[];
  readonly seed: Seed;
  readonly other: Seed;
  readonly random: SeededRandom;
}

/** Any byte, but the last jump often stays, so that some mutants are accepted. */
function anywhere({ unit, random }: Strike): number {
  return random.below(Math.max(1, unit.length - (random.below(4) === 0 ? 0 : 5)));
}

/** Bytes of one instruction (or of what nothing may enter) of a seed. */
function instruction(seed: Seed, random: SeededRandom): readonly [number, number] {
  const n = random.below(seed.boundaries.length);
  return [seed.boundaries[n]!, seed.boundaries[n + 1] ?? seed.bytes.length];
}

/** Inside an instruction that is not a slot access (most bytes of translated code are). */
function plainByte({ seed, random }: Strike): number {
  let [from, to] = instruction(seed, random);
  for (let tries = 0; tries < 8 && seed.bytes[from] === 0x64; tries++)
    [from, to] = instruction(seed, random);
  return from + random.below(to - from);
}

const MUTATIONS: readonly ((strike: Strike) => void)[] = [
  (s) => {
    s.unit[anywhere(s)]! ^= 1 << s.random.below(8);
  },
  (s) => {
    s.unit[plainByte(s) % s.unit.length]! ^= 1 << s.random.below(8);
  },
  (s) => {
    s.unit[plainByte(s) % s.unit.length] = s.random.below(256);
  },
  (s) => {
    s.unit[anywhere(s)] = s.random.pick(OPCODES);
  },
  (s) => {
    s.unit[anywhere(s)] = s.random.pick(PREFIXES);
  },
  (s) => {
    s.unit.splice(anywhere(s), 0, s.random.pick(PREFIXES));
  },
  (s) => {
    s.unit.splice(anywhere(s), 0, s.random.below(256));
  },
  (s) => {
    s.unit.splice(anywhere(s), 1 + s.random.below(3));
  },
  (s) => {
    const from = anywhere(s);
    s.unit.splice(anywhere(s), 0, ...s.unit.slice(from, from + 1 + s.random.below(16)));
  },
  (s) => {
    const from = s.random.below(s.other.bytes.length);
    const piece = s.other.bytes.subarray(from, from + 1 + s.random.below(24));
    s.unit.splice(anywhere(s), s.random.below(2) * piece.length, ...piece);
  },
  // Whole instructions of another unit, before or instead of one.
  (s) => {
    const [at, end] = instruction(s.seed, s.random);
    const piece = s.other.bytes.subarray(...instruction(s.other, s.random));
    s.unit.splice(at, s.random.below(2) * (end - at), ...piece);
  },
  (s) => {
    const [at, end] = instruction(s.seed, s.random);
    s.unit.splice(at, end - at);
  },
];

/** A mutant of `seed`: one change, seldom more; `other` is what pieces are taken from. */
export function mutate(seed: Seed, other: Seed, random: SeededRandom): Uint8Array {
  const strike = { unit: [...seed.bytes], seed, other, random };
  do random.pick(MUTATIONS)(strike);
  while (random.below(6) === 0);
  return Uint8Array.from(strike.unit);
}
