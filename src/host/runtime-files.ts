/**
 * The files that make up the running Cloister, for the runtime measurement (docs/formats/evidence.md):
 * what starts it, its sources, its lock file and the Node.js binary.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = new URL('../../', import.meta.url).pathname;

export interface RuntimeFile {
  /** Relative to the package, or `node` for the binary. */
  readonly name: string;
  read(): Uint8Array;
}

/** Sorted by name, bytewise: the canonical order. */
export function runtimeFiles(): RuntimeFile[] {
  // Beside the sources in development, beside dist/ when installed.
  const code = import.meta.url.endsWith('.ts') ? 'src' : 'dist';
  const sources = readdirSync(join(PACKAGE, code), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js)$/.test(name) && !/\.test\.|(^|\/)testing\//.test(name))
    .map((name) => join(code, name));
  const others = ['bin/start.cjs', 'package.json', 'package-lock.json'].filter((name) =>
    existsSync(join(PACKAGE, name)),
  );
  const names = [...sources, ...others].sort((a, b) => (a < b ? -1 : 1));
  const files = names.map((name) => ({ name, read: () => readFileSync(join(PACKAGE, name)) }));
  return [...files, { name: 'node', read: () => readFileSync(process.execPath) }];
}
