/**
 * Programs of other languages' standard libraries, natively and inside: threads, exceptions that
 * unwind over frames, channels, files, child processes. Compilers that a machine lacks are skipped.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { onPath, packageRoot } from '../support/packages.ts';
import { compile } from '../support/toolchain.ts';
import { compareRuns, NO_GUESTS, runInside, runNative } from './harness.ts';

const isLong = Number(process.env['CLOISTER_LONG'] ?? 1) > 1;
const LONG = isLong ? false : 'takes a compiler of 200 MB: npm run long -- servers';
const HERE = new URL('./languages/', import.meta.url).pathname;
const RUSTC = working('rustc', '--version');
const JAVAC = working('javac', '-version');
const JAVA = working('java', '-version');

const CXX_FLAGS = ['-std=c++20', '-O1', '-w', '-pthread', '-lstdc++', '-lm'];
const RUST_FLAGS = ['--edition', '2021', '-O', '-C', 'panic=unwind', '-A', 'warnings'];

/** The path of a program that answers; undefined: there is none, or only a name that leads nowhere. */
function working(name: string, question: string): string | undefined {
  const path = onPath(name);
  const answers =
    path !== undefined && spawnSync(path, [question], { stdio: 'ignore' }).status === 0;
  return answers ? path : undefined;
}

/**
 * What `command` makes of `source`, made once for its text; `command` gets the path to write to.
 * Returns that path.
 */
function madeOnce(source: string, command: (target: string) => readonly string[]): string {
  const key = createHash('sha256').update(readFileSync(source)).update(command('').join(' '));
  const folder = process.env['CLOISTER_TEST_CACHE'] ?? join(tmpdir(), 'cloister-guests');
  const target = join(folder, `made-${key.digest('hex').slice(0, 24)}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const building = `${target}.${process.pid}`;
  const [compiler, ...words] = command(building) as [string, ...string[]];
  execFileSync(compiler, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  renameSync(building, target);
  return target;
}

function bothWays(binary: string): void {
  compareRuns({ argv: ['./program'], files: { program: readFileSync(binary) } });
}

test('C++: exceptions, threads, atomics and futures behave as natively', { skip: NO_GUESTS }, () =>
  bothWays(compile([join(HERE, 'cxx_std.cpp')], CXX_FLAGS)),
);

test('Rust: panics that unwind, threads, channels and processes behave as natively', {
  skip: NO_GUESTS || (RUSTC === undefined && 'no rustc on this machine'),
}, () => {
  const source = join(HERE, 'rust_std.rs');
  bothWays(madeOnce(source, (target) => [RUSTC as string, ...RUST_FLAGS, '-o', target, source]));
});

test('Java: threads, compiled code, null pointers and deep stacks behave as natively', {
  skip: NO_GUESTS || ((JAVA === undefined || JAVAC === undefined) && 'no JDK on this machine'),
}, () => {
  const source = join(HERE, 'JavaStd.java');
  const classes = madeOnce(source, (target) => [JAVAC as string, '-d', target, source]);
  const files = Object.fromEntries(
    readdirSync(classes).map((name) => [name, readFileSync(join(classes, name))]),
  );
  // By its own path: the JVM finds its libraries beside it.
  const one = { argv: [realpathSync(JAVA as string), '-cp', '.', 'JavaStd'], files };
  const folder = mkdtempSync(join(tmpdir(), 'cloister-java-'));
  try {
    cpSync(classes, folder, { recursive: true });
    if (endsNatively(one.argv, folder)) compareRuns(one);
    else {
      const { stdout, status } = runInside({ ...one, timeoutS: 120 }, folder);
      assert.equal(stdout, JAVA_OUTPUT);
      assert.equal(status, 3);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** What JavaStd prints where it ends. */
const JAVA_OUTPUT = `pool 192237
threads 40000 40000 40000
null null null stack division memory
numbers 149628.81695701677 973499996452916859
files 15 3
`;

/** Seen on a virtual machine without FSGSBASE: the JVM repeats a fault of its own for ever, natively. */
function endsNatively(argv: readonly string[], folder: string): boolean {
  try {
    runNative({ argv, timeoutS: 20 }, folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw error;
    return false;
  }
}

const ESBUILD = new URL('../../node_modules/@esbuild/linux-x64/bin/esbuild', import.meta.url)
  .pathname;

test('Go: esbuild bundles a package as natively', { skip: NO_GUESTS }, () => {
  const files = {
    esbuild: readFileSync(ESBUILD),
    'main.ts': "import { sum, type N } from './sum.ts'; const n: N = sum(1, 2); console.log(n);",
    'sum.ts': 'export type N = number; export const sum = (a: N, b: N): N => a + b, unused = 7;',
  };
  const options = ['--bundle', '--minify', '--sourcemap', '--metafile=meta.json'];
  compareRuns({ argv: ['./esbuild', 'main.ts', ...options, '--outfile=out.js'], files });
});

test('Go: goroutines, a server, panics of faults and child processes behave as natively', {
  skip: NO_GUESTS || LONG,
}, () => {
  const root = packageRoot(['golang-go']);
  const [go] = globSync(join(root, 'usr/lib/go-*/bin/go'));
  const source = join(HERE, 'go_std.go');
  const cache = process.env['CLOISTER_TEST_CACHE'] ?? join(tmpdir(), 'cloister-guests');
  const settings = [`GOROOT=${join(go as string, '../..')}`, `GOCACHE=${join(cache, 'go')}`];
  for (const cgo of ['CGO_ENABLED=0', 'CGO_ENABLED=1']) {
    const environment = [...settings, 'GO111MODULE=off', cgo];
    bothWays(
      madeOnce(source, (target) => [
        ...['env', ...environment, go as string, 'build', '-o', target, source],
      ]),
    );
  }
});
