/**
 * Entry of the quick-start bundle (scripts/quick-start.ts): runs a program that is not measured.
 * `bin/start.cjs` calls it; everything else goes through `main.ts`.
 */

import { readPlainRun } from './plain-run.ts';
import { reportingRun } from './report.ts';
import { runCommand, type VolumeOpener } from './run-command.ts';

/** `argv` begins with `run`. False, before anything has happened: this is for `main.ts`. */
export async function quickRun(argv: readonly string[], volumes?: VolumeOpener): Promise<boolean> {
  const run = readPlainRun(argv.slice(1));
  if (run === undefined) return false;
  await reportingRun(runCommand)(run.command, run.options, volumes);
  return true;
}
