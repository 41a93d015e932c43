/** `cloister start`: runs a program in the background, under a name. */

import { type Command, Option } from 'commander';
import { withForeignOptions } from './foreign-options.ts';
import { reportingRun } from './report.ts';
import { type RunOptions, refuseUnfitMachine, withRunOptions } from './run.ts';

export interface StartOptions extends RunOptions {
  readonly name?: string;
  readonly logSize?: string;
  readonly rm?: boolean;
  readonly json?: boolean;
  /** This process is the background one of the instance of that name. */
  readonly serve?: string;
}

export function register(program: Command): void {
  const start = program
    .command('start')
    .description('start an instance: a program in the background, under a name')
    .argument('[command...]', 'program and its arguments (default: the command of the image)')
    .option('--name <NAME>', 'its name, for exec, stop, logs, … (default: a random one)')
    .option('--rm', 'remove the instance and its log when it ends')
    .option('--log-size <SIZE>', 'how much of its output is kept (default 16m)')
    .option('--json', 'print as JSON')
    .addOption(new Option('--serve <NAME>').hideHelp())
    .addOption(new Option('-d, --detach').hideHelp());
  withRunOptions(start).addHelpText(
    'after',
    '\nPrints the name once the program runs. Its output goes to a log (cloister logs); its input is\n' +
      'empty. The instance ends with the program, and is kept until `cloister rm`.\n' +
      '\nExit status: 0 it runs; else as of run.\n' +
      '\nExamples:\n' +
      '  cloister start --name web -v "$PWD:/srv" -w /srv -- python3 -m http.server\n' +
      '  cloister exec -it web -- sh\n' +
      '  cloister stop web && cloister logs web && cloister rm web\n',
  );
  withForeignOptions(start, ['name', 'detach']);
  start.action(
    reportingRun(async (command: string[], options: StartOptions) => {
      await refuseUnfitMachine();
      const { startCommand } = await import('./start-command.ts');
      await startCommand(command, options);
    }),
  );
}
