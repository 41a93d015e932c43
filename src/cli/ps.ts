/** `cloister ps`: the instances, or the processes of one. */

import type { Command } from 'commander';
import type { ProcessRow } from '../runtime/control/messages.ts';
import { printColumns } from './columns.ts';
import { formatBytes, printJson, reporting } from './report.ts';

interface Options {
  readonly all?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('ps')
    .description('list instances, or the processes of one')
    .argument('[name]', 'the instance whose processes are shown')
    .option('-a, --all', 'also those that have ended')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nArguments of the processes of a measured image are not shown: they are not for the host.\n' +
        '\nExamples:\n  cloister ps -a\n  cloister ps web\n',
    )
    .action(
      reporting((name: string | undefined, options: Options) =>
        name === undefined ? listAll(options) : listProcesses(name, options),
      ),
    );
}

async function listAll(options: Options): Promise<void> {
  const { listInstances } = await import('../host/instance-folder.ts');
  const { describeState, stateOf } = await import('./instance-client.ts');
  const shown = listInstances().filter(({ isAlive }) => options.all || isAlive);
  if (options.json) {
    printJson(
      shown.map((instance) => {
        const { record } = instance;
        return {
          name: instance.name,
          state: stateOf(instance),
          exitStatus: record?.exitStatus ?? null,
          pid: record?.pid ?? null,
          image: record?.image ?? null,
          command: record?.command ?? null,
          startedAt: record?.startedAt ?? null,
          endedAt: record?.endedAt ?? null,
        };
      }),
    );
    return;
  }
  printColumns(
    ['NAME', 'STATE', 'PID', 'STARTED', 'COMMAND'],
    shown.map((instance) => {
      const { record } = instance;
      const pid = instance.isAlive ? String(record?.pid) : '-';
      const command = shorten((record?.command ?? []).join(' '));
      return [instance.name, describeState(instance), pid, record?.startedAt ?? '-', command];
    }),
  );
}

async function listProcesses(name: string, options: Options): Promise<void> {
  const { askInstance, runningInstance } = await import('./instance-client.ts');
  const request = { op: 'processes' } as const;
  const { processes } = await askInstance(runningInstance(name), request, 'processes');
  if (options.json) {
    printJson(processes);
    return;
  }
  printColumns(
    ['PID', 'PPID', 'UID', 'STATE', 'THREADS', 'CPU', 'MEMORY', 'COMMAND'],
    processes.map((row: ProcessRow) => [
      ...[row.pid, row.ppid, row.uid, row.state, row.threads].map(String),
      `${(row.cpuNs / 1e9).toFixed(2)}s`,
      formatBytes(row.residentBytes),
      shorten(row.command ?? '-'),
    ]),
  );
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
