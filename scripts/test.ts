/**
 * `npm test`: check, then unit tests (beside the code, one process), then guest and end-to-end
 * tests (under test/, a process a file).
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const NODE = 'node_modules/.bin/node';
const QUIET = '--disable-warning=ExperimentalWarning';

function run(title: string, command: string, args: readonly string[]): void {
  console.log(`== ${title}`);
  const result = spawnSync(command, args, { stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const unit = globSync('src/**/*.test.ts').sort();
const isolated = globSync('test/**/*.test.ts').sort();
run('check', NODE, ['scripts/check.ts']);
run('unit tests', NODE, [QUIET, '--test', '--test-isolation=none', ...unit]);
run('guest and end-to-end tests', NODE, [QUIET, '--test', '--test-concurrency=2', ...isolated]);
