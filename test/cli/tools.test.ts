/** What looks on while a program runs: profile, names for perf, statistics, in one run. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SmallProgram } from '../../src/tools/testing/small-program.ts';
import * as o from '../../src/x86/operand.ts';
import { NO_GUESTS } from '../guests/harness.ts';
import { assertNoStack, cloister, Folder } from './command.ts';

const folder = new Folder();
after(() => folder[Symbol.dispose]());

const ROUNDS = 400_000_000;
const CALLS = 50;

/** `_start` calls `spin`, which counts, asks for its number now and then, and runs cpuid. */
function spinning(): Uint8Array {
  const program = new SmallProgram();
  const spin = program.a.label('spin');
  program.add('_start', (a) => {
    a.emit('xor', o.ebp, o.ebp);
    a.emit('call', spin);
    a.emit('mov', o.edi, 3);
    a.emit('mov', o.eax, 60);
    a.emit('syscall');
  });
  program.add('spin', (a) => {
    a.bind(spin);
    a.emit('push', o.rbp);
    a.emit('mov', o.rbp, o.rsp);
    a.emit('cpuid');
    a.emit('mov', o.ebx, CALLS);
    const again = a.mark();
    a.emit('mov', o.ecx, ROUNDS / CALLS);
    const count = a.mark();
    a.emit('dec', o.ecx);
    a.emit('jne', count);
    a.emit('mov', o.eax, 39);
    a.emit('syscall');
    a.emit('dec', o.ebx);
    a.emit('jne', again);
    a.emit('pop', o.rbp);
    a.emit('ret');
  });
  return program.file();
}

interface Node {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly hitCount: number;
  readonly children: readonly number[];
}

test('a run leaves a profile, names and statistics', { skip: NO_GUESTS }, async () => {
  const { path } = folder;
  writeFileSync(join(path, 'spin'), spinning(), { mode: 0o755 });
  const flags = ['--profile', 'p.cpuprofile', '--perf-map', '--stats', '--stats-file', 's.json'];
  const run = await cloister(['run', ...flags, '-v', `${path}:/w`, '--', '/w/spin'], { cwd: path });
  assert.equal(run.status, 3, run.stderr);
  assert.match(run.stderr, /^exits +system call 5\d/m);

  const { nodes } = JSON.parse(readFileSync(join(path, 'p.cpuprofile'), 'utf8'));
  const named = (name: string): Node => {
    const found = nodes.find(({ callFrame }: Node) => callFrame.functionName === name);
    assert.ok(found, `${name} in the profile`);
    return found;
  };
  assert.ok(named('_start').children.includes(named('spin').id));
  assert.ok(named('spin').hitCount > 5);
  assert.equal(named('spin').callFrame.url, '/w/spin');

  const statistics = JSON.parse(readFileSync(join(path, 's.json'), 'utf8'));
  const getpid = statistics.calls.find(({ name }: { name: string }) => name === 'getpid');
  assert.equal(getpid.calls, CALLS);
  assert.equal(statistics.interpreted.cpuid, 1);
  assert.ok(statistics.exits.tick > 5);

  const map = /^cloister: names of translated code: (\/tmp\/perf-\d+\.map)$/m.exec(run.stderr)?.[1];
  assert.ok(map, run.stderr);
  const names = readFileSync(map, 'utf8');
  rmSync(map);
  assert.match(names, /^[0-9a-f]+ [0-9a-f]+ guest:_start \[spin\]$/m);
  assert.match(names, /^[0-9a-f]+ [0-9a-f]+ guest:spin \[spin\]$/m);
});

test('what cannot be written is refused before anything runs', { skip: NO_GUESTS }, async () => {
  const flags = ['--profile', '/no/such/folder/p'];
  const run = await cloister(['run', ...flags, '--', '/bin/true'], { cwd: folder.path });
  assert.equal(run.status, 125);
  assert.match(run.stderr, /^cloister: --profile \/no\/such\/folder\/p: ENOENT/);
  assertNoStack(run, 'profile');
});
