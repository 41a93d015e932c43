/** Programs at a terminal, natively and under Cloister (see `terminal-script.ts`). */

import { test } from 'node:test';
import { NO_GUESTS } from '../guests/harness.ts';
import { onPath, placeOfAll, program } from '../support/packages.ts';
import { TERMINAL_CASES } from './terminal.cases.ts';
import { compareTerminals } from './terminal-script.ts';

for (const one of TERMINAL_CASES) {
  const { package: name } = one;
  const isThere = name !== undefined || onPath(one.program) !== undefined;
  const missing = isThere ? false : `${one.program} is not installed`;
  test(one.name, { skip: NO_GUESTS || missing }, () => {
    if (name === undefined) return compareTerminals(one);
    const { options } = placeOfAll({ [one.program]: name });
    const argv = [program(one.program, name), ...one.argv.slice(1)];
    return compareTerminals({ ...one, argv, options });
  });
}
