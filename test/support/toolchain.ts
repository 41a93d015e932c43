/** Compilers for guest programs, and their output in a cache keyed by source and flags. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onPath, packageRoot } from './packages.ts';

export interface Compiler {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** gcc of this machine, else of the distribution's packages in the cache. */
export function gcc(): Compiler {
  const own = onPath('gcc');
  if (own) return { command: own, args: [], env: process.env };
  const root = packageRoot(['gcc', 'g++', 'libc6-dev', 'binutils']);
  const lib = join(root, 'usr/lib/x86_64-linux-gnu');
  return {
    command: join(root, 'usr/bin/gcc'),
    args: [`--sysroot=${root}`, `-B${join(root, 'usr/bin')}`],
    env: {
      ...process.env,
      PATH: `${join(root, 'usr/bin')}:${process.env['PATH'] ?? ''}`,
      LD_LIBRARY_PATH: lib,
    },
  };
}

const muslRoot = (): string => packageRoot(['musl-dev'], 'none');
const muslLibraries = (): string => join(muslRoot(), 'usr/lib/x86_64-linux-musl');

/** gcc with musl: headers and libraries of musl-dev, always by its specs file. */
export function muslGcc(): Compiler {
  const own = onPath('musl-gcc');
  if (own) return { command: own, args: [], env: process.env };
  const base = gcc();
  const lib = muslLibraries();
  const include = join(muslRoot(), 'usr/include/x86_64-linux-musl');
  return {
    ...base,
    args: [
      ...base.args,
      ...['-nostdinc', `-isystem${include}`, '-nostartfiles', '-nostdlib', `-L${lib}`],
      ...[join(lib, 'crt1.o'), join(lib, 'crti.o')],
    ],
  };
}

const output = (): string =>
  process.env['CLOISTER_TEST_CACHE'] ?? join(tmpdir(), 'cloister-guests');

/**
 * Compiles `sources` into one executable and returns its path. Cached by content of the sources,
 * flags and `also` (files that the sources include).
 */
export function compile(
  sources: readonly string[],
  flags: readonly string[],
  { libc = 'glibc' as 'glibc' | 'musl', also = [] as readonly string[] } = {},
): string {
  const compiler = libc === 'musl' ? muslGcc() : gcc();
  const hash = createHash('sha256').update(JSON.stringify([compiler.command, flags]));
  for (const source of [...sources, ...also]) hash.update(readFileSync(source));
  const target = join(output(), hash.digest('hex').slice(0, 32));
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const building = `${target}.${process.pid}`;
  const musl = libc === 'musl' && compiler.args.includes('-nostdlib');
  // Libraries are searched for what stands before them.
  const libraries = flags.filter((flag) => flag.startsWith('-l'));
  const tail = [
    ...libraries,
    ...(musl ? ['-lc', '-lgcc', '-lgcc_eh', join(muslLibraries(), 'crtn.o')] : []),
  ];
  execFileSync(
    compiler.command,
    [...compiler.args, ...flags, '-o', building, ...sources, ...tail],
    {
      env: compiler.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  renameSync(building, target);
  return target;
}
