import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkImports, checkText, importsOf } from './rooms.ts';

const SRC = new URL('../../src/', import.meta.url);
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const text = new Map(files.map((name) => [name, readFileSync(new URL(name, SRC), 'utf8')]));

test('every module imports only what its room may', () => {
  const violations = [...text].flatMap(([file, source]) => checkImports(file, source));
  assert.deepEqual(violations, []);
});

test('every module keeps to its size and its calls', () => {
  const violations = [...text].flatMap(([file, source]) => checkText(file, source));
  assert.deepEqual(violations, []);
});

test('there are no import cycles between modules (type imports aside)', () => {
  const graph = new Map<string, string[]>();
  for (const [file, source] of text) {
    const runtime = source.replace(/\b(?:import|export)\s+type\b[^;]*;/g, '');
    const targets = importsOf(runtime)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => new URL(specifier, new URL(file, SRC)).href.slice(SRC.href.length));
    graph.set(file, targets);
  }
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (done.has(file)) return;
    const at = path.indexOf(file);
    assert.equal(at, -1, `import cycle: ${[...path.slice(at), file].join(' → ')}`);
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
});

test('the checks fail where they should', () => {
  const reasons = (file: string, source: string) =>
    [...checkImports(file, source), ...checkText(file, source)].map((v) => v.reason);
  assert.equal(reasons('base/x.ts', "import '../abi/errno.table.ts';").length, 1);
  assert.equal(reasons('base/x.ts', "import type { A } from '../abi/errno.table.ts';").length, 1);
  assert.equal(reasons('mm/x.ts', "const m = await import('../cpu/x.ts');").length, 1);
  assert.equal(reasons('mm/x.ts', "new URL('../cpu/w.ts', import.meta.url)").length, 1);
  assert.equal(reasons('kernel/x.ts', "import fs from 'node:fs';").length, 1);
  assert.equal(reasons('host/x.ts', "import ffi from 'node:ffi';").length, 1);
  assert.equal(reasons('host/native/x.ts', "import ffi from 'node:ffi';").length, 0);
  assert.equal(reasons('cpu/verify/x.ts', "import '../translate/y.ts';").length, 1);
  assert.equal(reasons('cpu/verify/x.ts', "import '../../x86/decode.ts';").length, 1);
  assert.equal(reasons('kernel/x.ts', "import 'valibot';").length, 1);
  assert.equal(reasons('kernel/x.ts', "new URL('../../package.json', import.meta.url)").length, 1);
  assert.equal(reasons('cli/x.ts', "new URL('../../package.json', import.meta.url)").length, 0);
  assert.equal(reasons('attic/x.ts', '').length, 1);
  assert.equal(reasons('vfs/x.ts', 'Date.now();').length, 1);
  assert.equal(reasons('vfs/x.ts', 'Math.random();').length, 1);
  assert.equal(reasons('vfs/x.ts', '// Date.now() is banned\n').length, 0);
  assert.equal(reasons('vfs/x.ts', '\n'.repeat(600)).length, 1);
  assert.equal(reasons('vfs/x.table.ts', '\n'.repeat(600)).length, 0);
});
