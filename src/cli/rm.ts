/** `cloister rm`: removes an instance that has ended. */

import type { Command } from 'commander';
import { CommandError } from './errors.ts';
import { reporting } from './report.ts';

interface Options {
  readonly force?: boolean;
}

export function register(program: Command): void {
  program
    .command('rm')
    .description('remove instances that have ended, with their logs')
    .argument('<name...>', 'the instances')
    .option('-f, --force', 'kill those that run, without time for their programs to end')
    .addHelpText('after', '\nExample:\n  cloister rm web\n')
    .action(reporting(remove));
}

async function remove(names: readonly string[], options: Options): Promise<void> {
  const { findInstance, killInstance, removeInstance } = await import('../host/instance-folder.ts');
  for (const instance of names.map(findInstance)) {
    const { name } = instance;
    if (instance.isAlive && !options.force)
      throw new CommandError(
        'CLOISTER_INSTANCE',
        `the instance ${name} runs: cloister stop ${name} first, or --force`,
      );
    killInstance(instance);
    while (findInstance(name).isAlive) await new Promise((resolve) => setTimeout(resolve, 10));
    removeInstance(instance);
  }
}
