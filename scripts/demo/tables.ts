/** The two owners' tables: realistic in size, about overlapping people, the same bytes in every run. */

import { writeFileSync } from 'node:fs';
import { SeededRandom } from '../../src/base/random.ts';

/** Rows of each table. */
export const ROWS = 100_000;

const person = (number: number): string => `p${String(number).padStart(7, '0')}`;

function writeTable(path: string, header: string, row: (index: number) => string): void {
  writeFileSync(path, `${header}\n${Array.from({ length: ROWS }, (_, i) => row(i)).join('\n')}\n`);
}

/** A bank's accounts: person, branch, balance in cents. */
export function writeAccounts(path: string): void {
  const random = new SeededRandom(2026);
  const branches = ['harbour', 'market', 'old-town', 'station'];
  writeTable(path, 'person,branch,balance_cents', (i) => {
    const balance = random.below(4_000_000) - 200_000;
    return `${person(i * 3)},${random.pick(branches)},${balance}`;
  });
}

/** A hospital's treatments: person, kind, cost in cents. */
export function writeTreatments(path: string): void {
  const random = new SeededRandom(7);
  const kinds = ['x-ray', 'surgery', 'dental'];
  writeTable(
    path,
    'person,kind,cost_cents',
    () => `${person(random.below(ROWS * 3))},${random.pick(kinds)},${random.below(900_000)}`,
  );
}
