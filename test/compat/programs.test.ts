/** Dynamic glibc programs of the distribution, on real input, natively and under Cloister. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareRuns, NO_GUESTS } from '../guests/harness.ts';
import { onPath, packageRoot } from '../support/packages.ts';
import { PREPARED } from './prepared.ts';
import { PROGRAM_CASES } from './programs.cases.ts';

/**
 * Where the program is: the machine's own, else an unpacked package with its libraries, mounted at
 * the same path inside.
 */
function placeOf(name: string, packageName: string) {
  if (onPath(name)) return { env: {}, options: [] };
  const root = packageRoot([packageName]);
  const folders = ['usr/bin', 'bin', 'usr/sbin', 'sbin'].map((folder) => join(root, folder));
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((f) => join(root, f));
  return {
    env: {
      PATH: [...folders, '/usr/bin', '/bin'].join(':'),
      LD_LIBRARY_PATH: libraries.join(':'),
    },
    options: ['-v', `${root}:${root}:ro`],
  };
}

for (const { name, packageName = name, title, script, timeoutS = 120 } of PROGRAM_CASES)
  test(`${name}: ${title}`, { skip: NO_GUESTS }, () => {
    const { env, options } = placeOf(name, packageName);
    compareRuns({
      argv: ['/bin/bash', '-c', script],
      files: PREPARED,
      env: { ...env, PYTHONDONTWRITEBYTECODE: '1' },
      options,
      timeoutS,
    });
  });

/** Every program of coreutils that the machine has must be named in at least one case. */
test('the cases name every program of coreutils', { skip: NO_GUESTS }, (t) => {
  let listed: string;
  try {
    listed = readFileSync('/var/lib/dpkg/info/coreutils.list', 'utf8');
  } catch {
    t.skip('no dpkg database here');
    return;
  }
  const programs = [...listed.matchAll(/^(?:\/usr)?\/s?bin\/([\w[]+)$/gm)].map(
    (m) => m[1] as string,
  );
  const text = PROGRAM_CASES.map(({ script }) => script).join('\n');
  const missing = programs.filter(
    (one) => !new RegExp(`(^|[^\\w-])${one.replace('[', '\\[')}(?![\\w-])`, 'm').test(text),
  );
  t.assert.deepEqual(missing, []);
});
