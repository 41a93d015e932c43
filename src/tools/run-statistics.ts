/** What `run --stats` reports at the end, as data and as text. */

import type { CallRow } from './call-times.ts';
import type { Counters } from './counters.ts';

export interface RunStatistics extends Counters {
  readonly wallNs: number;
  /** Of the Node.js process, all threads: guests, kernel, engine, start-up. */
  readonly cpuNs: number;
  readonly calls: readonly CallRow[];
}

const seconds = (ns: number): string => (ns / 1e9).toFixed(6);

export function statisticsText(statistics: RunStatistics): string {
  const { wallNs, cpuNs, translations: t, beside, exits, interpreted, calls } = statistics;
  const ratio = t.guestBytes === 0 ? '' : ` (×${(t.hostBytes / t.guestBytes).toFixed(1)})`;
  const lines = [
    `time          ${seconds(wallNs)} s, processor ${seconds(cpuNs)} s`,
    `translations  ${t.units} units (${t.kept} kept from earlier, ${t.shared} shared), ` +
      `${t.instructions} instructions, ${t.guestBytes} → ${t.hostBytes} bytes${ratio}`,
    `              ${t.dropped} dropped, code memory emptied ${t.flushes} times`,
    ...(beside.turns === 0
      ? []
      : [`beside        ${beside.turns} turns on other processors, ${beside.halts} halted`]),
    `exits         ${listed(exits)}`,
    `interpreted   ${listed(interpreted) || 'nothing'}`,
    '',
    table([
      ['calls', 'errors', 'kernel s', 'longest s', 'waited s', 'system call'],
      ...calls.map((row) => [
        ...[row.calls, row.errors].map(String),
        ...[row.kernelNs, row.longestNs, row.waitedNs].map(seconds),
        row.name,
      ]),
    ]),
  ];
  return lines.join('\n');
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  return entries.map(([name, count]) => `${name} ${count}`).join(', ');
}

/** Numbers to the right, the name behind them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, n) => Math.max(...rows.map((row) => row[n]!.length)));
  const cell = (text: string, n: number) =>
    n === widths.length - 1 ? text : text.padStart(widths[n]!);
  return rows.map((row) => row.map(cell).join('  ')).join('\n');
}
