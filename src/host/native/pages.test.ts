import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PROT_NONE, PROT_READ, PROT_WRITE } from '../../mm/page-host.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { pages } = sharedNativeHost();
const AT = 0x1234_0000;
const OPEN = PROT_READ | PROT_WRITE;

function sandbox() {
  const made = pages.createSandbox();
  assert.ok(typeof made !== 'number');
  return made;
}

/** Mappings of the host that begin in the sandbox at `base`. */
function mappingsIn(base: number): number {
  const starts = readFileSync('/proc/self/maps', 'latin1').split('\n').slice(0, -1);
  const inside = (start: number) => start >= base && start < base + 2 ** 32;
  return starts.filter((line) => inside(Number.parseInt(line, 16))).length;
}

test('a sandbox leaves nothing behind, neither where it mapped pages nor where it opened closed ones', () => {
  const left = sandbox();
  const mappings = mappingsIn(left.base);
  assert.equal(left.mapAnonymous(AT, 0x10000, OPEN), 0);
  assert.equal(left.mapAnonymous(2 * AT, 0x10000, PROT_NONE), 0);
  assert.equal(left.mapAnonymous(3 * AT, 0x1000_0000, PROT_NONE), 0);
  assert.equal(left.protect(2 * AT + 0x1000, 0x1000, OPEN), 0);
  assert.equal(left.protect(3 * AT + 0x80_0000, 0x1000, OPEN), 0);
  const places = [AT, 2 * AT + 0x1000, 3 * AT + 0x80_0000];
  for (const at of places) assert.equal(left.copyOut(at, Uint8Array.of(1)), 1);
  const { base } = left;
  left[Symbol.dispose]();
  assert.equal(mappingsIn(base), mappings);
  using next = sandbox();
  assert.equal(next.base, base);
  for (const at of places)
    assert.equal(next.copyIn(at, new Uint8Array(1)), 0, `0x${at.toString(16)}`);
});
