/** `cloister doctor`: what this machine offers to guests and to attestation, and what is missing. */

import type { Command } from 'commander';
import { printJson, printLine, reporting } from './report.ts';

interface Options {
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('doctor')
    .description('tell what this machine has of what Cloister needs, and what to do')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 guests can run, 1 something needed is missing.\n' +
        '\nExample:\n  cloister doctor\n',
    )
    .action(reporting(doctor));
}

async function doctor(options: Options): Promise<void> {
  const { machineFacts } = await import('../host/doctor.ts');
  const { nodeTeeFiles } = await import('../host/tee-files.ts');
  const { detectTees } = await import('../tee/detect.ts');
  const machine = machineFacts();
  const tees = detectTees(nodeTeeFiles());
  if (machine.some(({ state }) => state === 'missing')) process.exitCode = 1;
  if (options.json) {
    printJson({ machine, tees });
    return;
  }
  for (const { name, found, state, advice } of machine)
    printLine(`${state.padEnd(8)} ${name}: ${found}${advice === '' ? '' : ` (${advice})`}`);
  for (const { provider, available, explanation } of tees)
    printLine(`${(available ? 'ok' : 'absent').padEnd(8)} ${provider}: ${explanation}`);
}
