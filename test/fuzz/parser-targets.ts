/** Parsers of bytes that the host holds: nodes of volumes, image indexes, what a TPM answers. */
import { parserTargets } from '../../src/fs/sealed/testing/parser-fuzz.ts';
import { indexTarget } from '../../src/image/testing/index-fuzz.ts';
import { decodePlace, encodePlace } from '../../src/tee/tpm/chain.ts';
import type { GuidedTarget } from './guided.ts';

export function guidedTargets(): GuidedTarget[] {
  const place = { key: new Uint8Array(32).fill(1), handle: 0x01800001, secret: new Uint8Array(32) };
  return [
    ...parserTargets().map(({ name, seed, parse, encode }) => ({
      ...{ name, seeds: [seed], parse, encode },
    })),
    indexTarget(),
    { name: 'anchor', seeds: [encodePlace(place)], parse: decodePlace, encode: encodePlace },
  ];
}
