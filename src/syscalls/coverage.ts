/** The compatibility page, generated from the table that dispatches: `docs/system-calls.md`. */

import { NR, SYSCALL_NAMES } from '../abi/syscall-numbers.table.ts';
import { ALL_ROWS } from './table.ts';

const STATES = { full: 'full', partial: 'partial', refused: 'refused' } as const;

/** The whole page as Markdown. */
export function coveragePage(): string {
  const rows = [...ALL_ROWS].sort((a, b) => NR[a.name] - NR[b.name]);
  const known = new Set<string>(rows.map(({ name }) => name));
  const missing = SYSCALL_NAMES.filter((name) => name !== undefined && !known.has(name));
  const count = (state: keyof typeof STATES) =>
    rows.filter(({ coverage }) => coverage === state).length;
  const lines = [
    '# System calls',
    '',
    'Generated from the table that dispatches (`src/syscalls/coverage.ts`); a test keeps it so.',
    '',
    `${rows.length} calls: ${count('full')} full, ${count('partial')} partial, ` +
      `${count('refused')} refused on purpose. ${missing.length} answer ENOSYS, with one log line.`,
    '',
    '| number | call | state | what is missing |',
    '| ---: | --- | --- | --- |',
    ...rows.map(
      ({ name, coverage, note }) =>
        `| ${NR[name]} | \`${name}\` | ${STATES[coverage]} | ${note.replaceAll('|', '\\|')} |`,
    ),
    '',
    '## Not implemented',
    '',
    ...wrap(missing.map((name) => `\`${name}\``)),
    '',
  ];
  return lines.join('\n');
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line.length + word.length > 98) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
