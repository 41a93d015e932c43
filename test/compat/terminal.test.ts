/** Programs at a terminal, natively and under Cloister (see `terminal-script.ts`). */

import { test } from 'node:test';
import { NO_GUESTS } from '../guests/harness.ts';
import { onPath } from '../support/packages.ts';
import { TERMINAL_CASES } from './terminal.cases.ts';
import { compareTerminals } from './terminal-script.ts';

for (const one of TERMINAL_CASES) {
  const missing = onPath(one.program) ? false : `${one.program} is not installed`;
  test(one.name, { skip: NO_GUESTS || missing }, () => compareTerminals(one));
}
