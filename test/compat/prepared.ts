/** The prepared folder that compatibility cases run in: small, deterministic inputs. */

import { SeededRandom } from '../../src/base/random.ts';

function words(): string {
  const random = new SeededRandom(11);
  const syllables = ['ka', 'lo', 'mi', 'ren', 'tas', 'vo', 'sel', 'dur', 'pa', 'ni'];
  const line = () =>
    Array.from({ length: 3 + random.below(6) }, () =>
      Array.from({ length: 1 + random.below(3) }, () => random.pick(syllables)).join(''),
    ).join(' ');
  return `${Array.from({ length: 400 }, line).join('\n')}\n`;
}

function table(): string {
  const random = new SeededRandom(12);
  const rows = Array.from({ length: 300 }, (_, i) =>
    [i, random.below(1000), random.pick(['red', 'green', 'blue']), random.below(99) / 10].join(','),
  );
  return `id,amount,colour,score\n${rows.join('\n')}\n`;
}

export const PREPARED: Readonly<Record<string, string | Uint8Array>> = {
  words: words(),
  'table.csv': table(),
  binary: new SeededRandom(13).bytes(20_000),
  numbers: `${Array.from({ length: 500 }, (_, i) => (i * 7919) % 1009).join('\n')}\n`,
  'folder/one': 'first\nsecond\nthird\n',
  'folder/two': 'first\n2nd\nthird\nfourth\n',
  'folder/deep/er/file.txt': 'at the bottom\n',
  'folder/with space': 'space\n',
  empty: '',
  'script.sh': '#!/bin/sh\necho "$0 got $# arguments: $*"\nexit 3\n',
  'json.json': '{"a": [1, 2, {"b": null}], "c": "text", "d": 1.5e3, "e": {"f": true}}\n',
};
