/** `cloister exec`: a further process in a running instance. */

import type { Command } from 'commander';
import { collect } from './options.ts';
import { reportingRun } from './report.ts';

export interface ExecOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
}

export function register(program: Command): void {
  program
    .command('exec')
    .description('run a further program in a running instance')
    .argument('<name>', 'the instance')
    .argument('[command...]', 'program and its arguments')
    .option('-i, --interactive', 'pass standard input on; else it is empty')
    .option('-t, --tty', 'give the program a terminal')
    .option('-e, --env <NAME[=VALUE]>', 'set a variable, or take it from here', collect)
    .option('-u, --user <UID[:GID]>', 'user and group inside (default: those of the instance)')
    .option('-w, --workdir <DIR>', 'working directory inside')
    .passThroughOptions()
    .addHelpText(
      'after',
      '\nA measured image permits to exec what it permits to run (`overrides` in its cloister.yaml).\n' +
        '\nExit status: as of run.\n' +
        '\nExamples:\n' +
        '  cloister exec -it web -- sh\n' +
        '  tar c . | cloister exec -i -w /srv web -- tar x\n',
    )
    .action(
      reportingRun(async (name: string, words: string[], options: ExecOptions) => {
        const { execCommand } = await import('./exec-command.ts');
        // Behind the name the words are the program's, but for one `--` before them.
        await execCommand(name, words[0] === '--' ? words.slice(1) : words, options);
      }),
    );
}
