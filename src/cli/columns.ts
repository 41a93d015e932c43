import { printLine } from './report.ts';

/**
 * Prints a table, each column as wide as its widest cell. Cells come from guests and hosts: what
 * would steer a terminal is shown as `?`.
 */
export function printColumns(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [head, ...rows].map((row) => row.map((cell) => cell.replace(/\p{Cc}/gu, '?')));
  const widths = head.map((_, i) => Math.max(...lines.map((row) => (row[i] ?? '').length)));
  for (const row of lines)
    printLine(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
