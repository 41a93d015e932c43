/** `cloister logs`: what the programs of an instance have printed. */

import type { Command } from 'commander';
import { reporting } from './report.ts';

interface Options {
  readonly follow?: boolean;
  readonly tail?: string;
}

const POLL_MS = 100;

export function register(program: Command): void {
  program
    .command('logs')
    .description('show what an instance has printed: standard output and error')
    .argument('<name>', 'the instance')
    .option('-f, --follow', 'go on until the instance ends')
    .option('-n, --tail <LINES>', 'only the last lines')
    .addHelpText('after', '\nExample:\n  cloister logs -f --tail 20 web\n')
    .action(reporting(logs));
}

async function logs(name: string, options: Options): Promise<void> {
  const { findInstance, readInstance } = await import('../host/instance-folder.ts');
  const { LogReader } = await import('../host/output-log.ts');
  const { parseCount } = await import('./signal-options.ts');
  const { tail, follow } = options;
  const lines = tail === undefined ? undefined : parseCount('--tail', tail);
  using reader = new LogReader(findInstance(name).path);
  process.stdout.write(reader.first(lines));
  while (follow) {
    // Asked before reading: then its last words are read.
    const isAlive = readInstance(name)?.isAlive === true;
    process.stdout.write(reader.more());
    if (!isAlive) break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
