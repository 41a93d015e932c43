/** `cloister stats`: what running instances use. */

import type { Command } from 'commander';
import type { Statistics } from '../runtime/control/messages.ts';
import { printColumns } from './columns.ts';
import { formatBytes, printJson, printLine, reporting } from './report.ts';

interface Options {
  readonly watch?: boolean;
  readonly json?: boolean;
}

interface Row extends Statistics {
  readonly name: string;
}

const WATCH_MS = 2000;

export function register(program: Command): void {
  program
    .command('stats')
    .description('show what running instances use: processor, memory, calls, translations')
    .argument('[name]', 'the instance (default: all)')
    .option('--watch', 'every two seconds, until interrupted or until none runs')
    .option('--json', 'print as JSON; with --watch, an array each time')
    .addHelpText(
      'after',
      '\nCPU is since the start, with --watch since the line before.\n' +
        '\nExample:\n  cloister stats --watch web\n',
    )
    .action(reporting(stats));
}

async function stats(name: string | undefined, options: Options): Promise<void> {
  let before: readonly Row[] = [];
  for (;;) {
    const rows = await collectRows(name);
    if (options.json) printJson(rows);
    else show(rows, before);
    if (!options.watch || rows.length === 0) return;
    before = rows;
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    if (!options.json) printLine('');
  }
}

async function collectRows(name: string | undefined): Promise<Row[]> {
  const { listInstances } = await import('../host/instance-folder.ts');
  const { askInstance, runningInstance } = await import('./instance-client.ts');
  const request = { op: 'statistics' } as const;
  if (name !== undefined) {
    const { statistics } = await askInstance(runningInstance(name), request, 'statistics');
    return [{ name, ...statistics }];
  }
  const running = listInstances().filter(({ isAlive }) => isAlive);
  const answers = running.map(async (instance) => {
    // One that ends or starts meanwhile has nothing to tell.
    const answer = await askInstance(instance, request, 'statistics').catch(() => undefined);
    return answer === undefined ? [] : [{ name: instance.name, ...answer.statistics }];
  });
  return (await Promise.all(answers)).flat();
}

function show(rows: readonly Row[], before: readonly Row[]): void {
  printColumns(
    ['NAME', 'CPU', 'MEMORY', 'GUESTS', 'PROCESSES', 'CALLS', 'TRANSLATED', 'READ', 'WRITTEN'],
    rows.map((row) => {
      const last = before.find(({ name }) => name === row.name);
      const spanNs = row.uptimeNs - (last?.uptimeNs ?? 0);
      const share = spanNs <= 0 ? 0 : (row.cpuNs - (last?.cpuNs ?? 0)) / spanNs;
      return [
        row.name,
        `${(100 * share).toFixed(1)}%`,
        formatBytes(row.residentBytes),
        formatBytes(row.guestBytes),
        `${row.processes} (${row.threads})`,
        String(row.systemCalls),
        `${row.translations} (${formatBytes(row.translationBytes)})`,
        formatBytes(row.readBytes),
        formatBytes(row.writtenBytes),
      ];
    }),
  );
}
