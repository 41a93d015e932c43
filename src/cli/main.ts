/**
 * Entry of the `cloister` command: finds the sub-command, loads only its module, runs it. Only what
 * `--help` needs is loaded up front.
 */

import { COMMANDS } from './commands.ts';
import { RUN_STATUS } from './errors.ts';
import { endQuietlyWithoutReader } from './report.ts';

async function main(argv: readonly string[]): Promise<void> {
  const { Command, CommanderError } = await import('commander');
  const program = new Command('cloister')
    .description(
      'Runs unmodified x86-64 Linux programs as isolated processes from measured images.',
    )
    .option('-V, --version', 'print the version')
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for usage)')
    .exitOverride();
  const wanted = argv[0] === 'help' ? argv[1] : argv[0];
  try {
    for (const { name, summary, load } of COMMANDS) {
      if (name === wanted) (await load()).register(program);
      else program.command(name, { hidden: false }).description(summary);
    }
    if (wanted === '--version' || wanted === '-V') {
      const { version } = await import('./version.ts');
      process.stdout.write(`${version()}\n`);
      return;
    }
    for (const command of program.commands) command.exitOverride();
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv as string[], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = statusOf(error.exitCode, wanted);
    else (await import('./report.ts')).reportError(error);
  }
}

/** A wrong command line is 2; of those that give a program's status 125. */
function statusOf(given: number, command: string | undefined): number {
  if (given === 0) return 0;
  return isRun(command) ? RUN_STATUS.failed : 2;
}

/** Those that give the status of a guest. */
function isRun(command: string | undefined): boolean {
  return command === 'run' || command === 'start' || command === 'exec';
}

// A run writes what the guest writes: the guest gets the signal.
if (!isRun(process.argv[2])) endQuietlyWithoutReader();
await main(process.argv.slice(2));
