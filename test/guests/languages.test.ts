/**
 * Programs of other languages' standard libraries, natively and inside: threads, exceptions that
 * unwind over frames, channels, files, child processes. Compilers that a machine lacks are skipped.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { onPath } from '../support/packages.ts';
import { compile } from '../support/toolchain.ts';
import { compareRuns, NO_GUESTS } from './harness.ts';

const HERE = new URL('./languages/', import.meta.url).pathname;
const RUSTC = onPath('rustc');

const CXX_FLAGS = ['-std=c++20', '-O1', '-w', '-pthread', '-lstdc++', '-lm'];
const RUST_FLAGS = ['--edition', '2021', '-O', '-C', 'panic=unwind', '-A', 'warnings'];

/** A Rust program of one file, compiled once for its text. */
function compileRust(compiler: string, source: string): string {
  const key = createHash('sha256').update(readFileSync(source)).update(RUST_FLAGS.join(' '));
  const folder = process.env['CLOISTER_TEST_CACHE'] ?? join(tmpdir(), 'cloister-guests');
  const target = join(folder, `rust-${key.digest('hex').slice(0, 24)}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const building = `${target}.${process.pid}`;
  execFileSync(compiler, [...RUST_FLAGS, '-o', building, source], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  renameSync(building, target);
  return target;
}

function bothWays(binary: string): void {
  compareRuns({ argv: ['./program'], files: { program: readFileSync(binary) } });
}

test('C++: exceptions, threads, atomics and futures behave as natively', { skip: NO_GUESTS }, () =>
  bothWays(compile([join(HERE, 'cxx_std.cpp')], CXX_FLAGS)),
);

test(
  'Rust: panics that unwind, threads, channels and processes behave as natively',
  { skip: NO_GUESTS || (RUSTC === undefined && 'no rustc on this machine') },
  () => bothWays(compileRust(RUSTC as string, join(HERE, 'rust_std.rs'))),
);
