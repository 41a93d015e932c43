/** `cloister stats`: what running instances use, and the processes of one. */

import type { Command } from 'commander';
import type { InstanceFolder } from '../host/instance-folder.ts';
import type { ProcessRow, Statistics } from '../runtime/control/messages.ts';
import { printColumns } from './columns.ts';
import { usageError } from './errors.ts';
import { formatBytes, printJson, printLine, reporting } from './report.ts';

interface Options {
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly prometheus?: boolean;
}

interface Row extends Statistics {
  readonly name: string;
  readonly processRows: readonly ProcessRow[];
}

const WATCH_MS = 2000;
const MOST_NAMES = 6;

export function register(program: Command): void {
  program
    .command('stats')
    .description('show what running instances use: processor, memory, calls, translations')
    .argument('[name]', 'the instance, with its processes and counters (default: all)')
    .option('--watch', 'every two seconds, until interrupted or until none runs')
    .option('--json', 'print as JSON; with --watch, an array each time')
    .option('--prometheus', 'print as metrics of Prometheus')
    .addHelpText(
      'after',
      '\nCPU is since the start, with --watch since the line before.\n' +
        '\nExample:\n  cloister stats --watch web\n',
    )
    .action(reporting(stats));
}

async function stats(name: string | undefined, options: Options): Promise<void> {
  if (options.prometheus && (options.json || options.watch))
    throw usageError('--prometheus: neither with --json nor with --watch');
  let before: readonly Row[] = [];
  for (;;) {
    const rows = await collectRows(name);
    if (options.json) printJson(rows);
    else if (options.prometheus) await printMetrics(rows);
    else {
      show(rows, before);
      if (name !== undefined) for (const row of rows) showOne(row, before[0]);
    }
    if (!options.watch || rows.length === 0) return;
    before = rows;
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    if (!options.json) printLine('');
  }
}

async function collectRows(name: string | undefined): Promise<Row[]> {
  const { listInstances } = await import('../host/instance-folder.ts');
  const { runningInstance } = await import('./instance-client.ts');
  if (name !== undefined) return [await ask(runningInstance(name))];
  const running = listInstances().filter(({ isAlive }) => isAlive);
  // One that ends or starts meanwhile has nothing to tell.
  const answers = running.map((instance) => ask(instance).catch(() => undefined));
  return (await Promise.all(answers)).filter((row) => row !== undefined);
}

async function ask(instance: InstanceFolder): Promise<Row> {
  const { askInstance } = await import('./instance-client.ts');
  const { statistics } = await askInstance(instance, { op: 'statistics' }, 'statistics');
  const { processes } = await askInstance(instance, { op: 'processes' }, 'processes');
  return { name: instance.name, ...statistics, processRows: processes };
}

async function printMetrics(rows: readonly Row[]): Promise<void> {
  const { expositionText } = await import('../tools/prometheus.ts');
  const { metricsOf } = await import('./stats-metrics.ts');
  printLine(expositionText(metricsOf(rows)));
}

interface Spent {
  readonly uptimeNs: number;
  readonly cpuNs: number;
}

function share(now: Spent, last: Spent | undefined): string {
  const spanNs = now.uptimeNs - (last?.uptimeNs ?? 0);
  const part = spanNs <= 0 ? 0 : (now.cpuNs - (last?.cpuNs ?? 0)) / spanNs;
  return `${(100 * part).toFixed(1)}%`;
}

function show(rows: readonly Row[], before: readonly Row[]): void {
  printColumns(
    ['NAME', 'CPU', 'MEMORY', 'GUESTS', 'PROCESSES', 'CALLS', 'TRANSLATED', 'READ', 'WRITTEN'],
    rows.map((row) => [
      row.name,
      share(
        row,
        before.find(({ name }) => name === row.name),
      ),
      formatBytes(row.residentBytes),
      formatBytes(row.guestBytes),
      `${row.processes} (${row.threads})`,
      String(row.systemCalls),
      `${row.translations} (${formatBytes(row.translationBytes)})`,
      formatBytes(row.readBytes),
      formatBytes(row.writtenBytes),
    ]),
  );
}

/** Its processes, and why its code was left. */
function showOne(row: Row, last: Row | undefined): void {
  const { uptimeNs, counters, processRows } = row;
  printLine('');
  printColumns(
    ['PID', 'CPU', 'MEMORY', 'CALLS', 'READ', 'WRITTEN', 'UNITS', 'COMMAND'],
    processRows.map((one) => {
      const earlier = last?.processRows.find(({ pid }) => pid === one.pid);
      const then = earlier && last && { uptimeNs: last.uptimeNs, cpuNs: earlier.cpuNs };
      return [
        String(one.pid),
        share({ uptimeNs, cpuNs: one.cpuNs }, then),
        formatBytes(one.residentBytes),
        String(one.calls),
        formatBytes(one.readBytes),
        formatBytes(one.writtenBytes),
        String(one.translations),
        one.command ?? '-',
      ];
    }),
  );
  const { translations: t } = counters;
  printLine(`\nunits        ${t.units} (${t.kept} kept, ${t.shared} shared, ${t.dropped} dropped)`);
  printLine(`exits        ${listed(counters.exits)}`);
  printLine(`interpreted  ${listed(counters.interpreted)}`);
  printLine(`calls        ${listed(counters.calls)}`);
}

/** The most frequent; names come from the instance. */
function listed(counts: Readonly<Record<string, number>>): string {
  const made = Object.entries(counts).filter(([, count]) => count > 0);
  made.sort((a, b) => b[1] - a[1]);
  const shown = made.slice(0, MOST_NAMES).map(([name, count]) => `${name} ${count}`);
  if (made.length > MOST_NAMES) shown.push(`${made.length - MOST_NAMES} more`);
  return shown.join(', ').replace(/\p{Cc}/gu, '?') || '-';
}
