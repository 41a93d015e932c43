/**
 * `prepack`: makes dist/, what the package holds: JavaScript and declarations (Node.js strips no
 * types below node_modules), and the quick start.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildQuickStart } from './quick-start.ts';

const ROOT = new URL('../', import.meta.url).pathname;

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
const tsc = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.dist.json'], {
  cwd: ROOT,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
const quick = join(ROOT, 'dist/quick');
await buildQuickStart(quick);
// A package has no sources to compare with, and is the same wherever it is made.
const { names } = JSON.parse(readFileSync(join(quick, 'quick.json'), 'utf8'));
writeFileSync(join(quick, 'quick.json'), JSON.stringify({ names }));
