/**
 * Entry of the `cloister` command: finds the sub-command, loads only its module, runs it. Only what
 * `--help` needs is loaded up front.
 */

import { COMMANDS } from './commands.ts';

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
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else (await import('./report.ts')).reportError(error);
  }
}

await main(process.argv.slice(2));
