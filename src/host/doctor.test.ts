import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type MachineView,
  machineFacts,
  mayRunGuests,
  thisMachine,
  whyGuestsCannotRun,
} from './doctor.ts';

const good: MachineView = {
  platform: 'linux',
  architecture: 'x64',
  kernelRelease: '6.18.1-amd64',
  nodeVersion: 'v26.10.0',
  hasFfi: true,
  readText: (path) =>
    ({
      '/proc/cpuinfo': 'flags\t\t: fpu fxsr avx xsave lahf_lm fsgsbase avx512bw\n',
      '/proc/sys/vm/max_map_count': '1048576\n',
      '/proc/sys/vm/overcommit_memory': '0\n',
      '/proc/self/limits': 'Max address space         unlimited            unlimited  bytes\n',
    })[path],
};

function stateOf(machine: MachineView, name: string): string | undefined {
  return machineFacts(machine).find((fact) => fact.name === name)?.state;
}

test('a machine with everything has nothing to say', () => {
  assert.ok(machineFacts(good).every(({ state, advice }) => state === 'ok' && advice === ''));
  assert.equal(whyGuestsCannotRun(good), undefined);
});

test('each thing that is missing is named with what to do', () => {
  assert.equal(mayRunGuests(good), true);
  assert.equal(mayRunGuests({ ...good, hasFfi: false }), false);
  assert.match(whyGuestsCannotRun({ ...good, platform: 'darwin' }) ?? '', /Linux only/);
  assert.match(whyGuestsCannotRun({ ...good, architecture: 'arm64' }) ?? '', /x86-64 only/);
  assert.match(whyGuestsCannotRun({ ...good, hasFfi: false }) ?? '', /node:ffi.*26\.10/);
  assert.match(whyGuestsCannotRun({ ...good, kernelRelease: '4.4.0' }) ?? '', /SS_AUTODISARM/);
  assert.equal(stateOf({ ...good, kernelRelease: '6.1.0' }, 'kernel'), 'slow');
  const read = (changes: Record<string, string>): MachineView => ({
    ...good,
    readText: (path) => changes[path] ?? good.readText(path),
  });
  assert.equal(stateOf(read({ '/proc/cpuinfo': 'flags : fxsr\n' }), 'vector registers'), 'missing');
  assert.equal(stateOf(read({ '/proc/cpuinfo': 'flags : fxsr\n' }), 'FSGSBASE'), 'slow');
  assert.equal(
    stateOf(read({ '/proc/sys/vm/max_map_count': '65530' }), 'vm.max_map_count'),
    'limited',
  );
  assert.equal(
    stateOf(read({ '/proc/sys/vm/overcommit_memory': '2' }), 'vm.overcommit_memory'),
    'limited',
  );
  const limits = { '/proc/self/limits': 'Max address space   4294967296   unlimited   bytes\n' };
  assert.equal(stateOf(read(limits), 'address space'), 'missing');
});

test('this machine can be asked', () => {
  assert.ok(machineFacts(thisMachine()).length >= 4);
});
