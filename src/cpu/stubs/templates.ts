/**
 * The stubs with holes where addresses of one process stand: made by `npm run stubs` for every kind
 * of processor, kept in `compiled.table.ts`. Holes are found by assembling for other addresses and
 * comparing, so that the sources of the stubs need not say where they are.
 */

import { assert } from '../../base/assert.ts';
import type { ProbeStubs, StubConfig, Stubs } from './calls.ts';
import { assembleProbe, assembleStubs } from './stubs.ts';

/** What stands in a hole, plus an addend: 8 bytes, 8 bytes, 4 bytes. */
export type HoleKind = 'origin' | 'mailbox' | 'tlsDisplacement';
export const HOLE_BYTES: Readonly<Record<HoleKind, 4 | 8>> = {
  origin: 8,
  mailbox: 8,
  tlsDisplacement: 4,
};

export interface StubTemplate {
  /** Base64. */
  readonly bytes: string;
  /** By kind: offset, addend, offset, addend, … */
  readonly holes: Readonly<Record<HoleKind, readonly number[]>>;
  /** Offsets of what `Stubs` or `ProbeStubs` name, in their shape. */
  readonly at: unknown;
}

/** The rest of a configuration: the same in every process. */
export type FixedConfig = Pick<StubConfig, 'codeStart' | 'tickSignal'> & {
  readonly codeBytes: number;
};

type Addresses = Pick<StubConfig, HoleKind>;
/** Addresses whose bytes all differ: as high as real ones, multiples of 16 where places are. */
const FIRST: Addresses = {
  origin: 0x1010_1010_1010,
  mailbox: 0x2020_2020_2020,
  tlsDisplacement: -0x2020_2020,
};
const SECOND: Addresses = {
  origin: 0x3131_3131_3130,
  mailbox: 0x5353_5353_5353,
  tlsDisplacement: -0x3131_3131,
};

type Assembled = (Stubs | ProbeStubs) & { readonly bytes: Uint8Array };

/** A number in `bytes`, little-endian, signed. */
export function numberAt(bytes: Uint8Array, at: number, length: 4 | 8): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return length === 4 ? view.getInt32(at, true) : Number(view.getBigInt64(at, true));
}

function holesOf(make: (addresses: Addresses) => Uint8Array, kind: HoleKind): number[] {
  const length = HOLE_BYTES[kind];
  const before = make(FIRST);
  const after = make({ ...FIRST, [kind]: SECOND[kind] });
  assert(before.length === after.length, 'the length of stubs depends on addresses');
  const holes: number[] = [];
  for (let at = 0; at < before.length; at++) {
    if (before[at] === after[at]) continue;
    const addend = numberAt(before, at, length) - FIRST[kind];
    assert(numberAt(after, at, length) - SECOND[kind] === addend, `no plain address at ${at}`);
    holes.push(at, addend);
    at += length - 1;
  }
  return holes;
}

function relative(value: unknown, origin: number): unknown {
  if (typeof value === 'number') return value - origin;
  return Object.fromEntries(
    Object.entries(value as object).map(([name, one]) => [name, relative(one, origin)]),
  );
}

function templateOf(make: (addresses: Addresses) => Assembled): StubTemplate {
  const { bytes, ...places } = make(FIRST);
  const code = (addresses: Addresses) => make(addresses).bytes;
  const holes = {
    origin: holesOf(code, 'origin'),
    mailbox: holesOf(code, 'mailbox'),
    tlsDisplacement: holesOf(code, 'tlsDisplacement'),
  };
  const blank = bytes.slice();
  for (const kind of ['origin', 'mailbox', 'tlsDisplacement'] as const)
    for (let n = 0; n < holes[kind].length; n += 2) {
      const at = holes[kind][n] as number;
      blank.fill(0, at, at + HOLE_BYTES[kind]);
    }
  return { bytes: blank.toBase64(), holes, at: relative(places, FIRST.origin) };
}

/** Text of `compiled.table.ts`. */
export function compileStubs(fixed: FixedConfig): string {
  const { codeBytes, codeStart, tickSignal } = fixed;
  const templates: [string, StubTemplate][] = [
    ['probe', templateOf(({ origin, mailbox }) => assembleProbe(origin, mailbox))],
  ];
  for (const hasAvx512 of [false, true])
    for (const hasFsgsbase of [false, true]) {
      const template = templateOf((addresses) =>
        assembleStubs({
          ...{ codeStart, tickSignal, hasAvx512, hasFsgsbase },
          ...addresses,
          codeEnd: addresses.origin + codeBytes,
        }),
      );
      templates.push([variantName({ hasAvx512, hasFsgsbase }), template]);
    }
  const lines = templates.map(
    ([name, template]) => `export const ${name} = \`${JSON.stringify(template)}\`;`,
  );
  return [
    '/** The stubs with holes for addresses: written by `npm run stubs`, not by hand. */',
    '',
    `export const FIXED = ${JSON.stringify(fixed)
      .replace(/"/g, '')
      .replace(/([:,{])/g, '$1 ')
      .replace('}', ' }')};`,
    ...lines,
    '',
  ].join('\n');
}

export function variantName(of: { hasAvx512: boolean; hasFsgsbase: boolean }) {
  if (of.hasAvx512) return of.hasFsgsbase ? 'avx512Fsgsbase' : 'avx512';
  return of.hasFsgsbase ? 'fsgsbase' : 'plain';
}
