/** `npm run check`: format, lint, types and the direction of imports. Fast; run before a commit. */
import { spawnSync } from 'node:child_process';

const steps: readonly (readonly string[])[] = [
  ['biome', 'check', '--error-on-warnings', '.'],
  ['tsc', '--noEmit'],
  ['node', '--test', '--test-reporter=dot', 'test/arch/*.test.ts'],
];

for (const [command, ...args] of steps) {
  const run = spawnSync(`node_modules/.bin/${command}`, args, { stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
