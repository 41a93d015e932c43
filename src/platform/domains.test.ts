import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodeCache } from '../cpu/cache/code-cache.ts';
import type { Domain } from '../cpu/cache/domain.ts';
import type { AddressSpace, Area } from '../mm/address-space.ts';
import { LOCK } from '../mm/lock-kind.ts';
import { type Claim, claimsOf, DomainGroups } from './domains.ts';

function fakeCache(): { cache: CodeCache; released: Domain[] } {
  const released: Domain[] = [];
  const cache = {
    createDomain: () => ({ users: 0 }) as Domain,
    releaseDomain: (domain: Domain) => void released.push(domain),
  } as unknown as CodeCache;
  return { cache, released };
}

const claim = (start: number, end: number, key: string, delta = -start): Claim => ({
  start,
  end,
  source: { key, delta },
});

test('programs share a group until their code differs at an address', () => {
  const groups = new DomainGroups(fakeCache().cache);
  const shell = groups.find([claim(0x400000, 0x500000, 'sh')]);
  assert.equal(groups.find([claim(0x400000, 0x500000, 'sh')]), shell);
  assert.equal(groups.find([claim(0x7000_0000, 0x7100_0000, 'libc')]), shell, 'nothing overlaps');
  const other = groups.find([claim(0x400000, 0x401000, 'true')]);
  assert.notEqual(other, shell);
  assert.notEqual(groups.find([claim(0x400000, 0x500000, 'sh', 0)]), shell, 'another offset');
  assert.equal(shell.fits([claim(0x4ff000, 0x502000, 'sh', -0x400000)]), true);
  assert.equal(shell.fits([claim(0x4ff000, 0x502000, 'other')]), false);
  assert.equal(shell.hasCodeIn(0x6000_0000, 0x1000), false);
  assert.equal(shell.hasCodeIn(0x4ff000, 0x10000), true);
});

test('groups that nobody uses make room, those in use stay', () => {
  const { cache, released } = fakeCache();
  const groups = new DomainGroups(cache);
  const first = groups.find([claim(0x400000, 0x401000, 'first')]);
  first.domain.users = 1;
  for (let n = 0; n < 20; n++) groups.find([claim(0x400000, 0x401000, `program ${n}`)]);
  assert.ok(released.length >= 12);
  assert.ok(!released.includes(first.domain));
  assert.equal(groups.find([claim(0x400000, 0x401000, 'first')]), first);
});

test('only code from unchanging file bytes is shared', () => {
  const area = (change: Partial<Area>): Area => ({
    start: 0x400000,
    end: 0x401000,
    prot: 5,
    shared: false,
    growsDown: false,
    locked: LOCK.none,
    sealed: false,
    onFork: 'copy',
    file: undefined,
    fileOffset: 0x1000,
    contentVersion: 'v1',
    label: '',
    ...change,
  });
  const space = (...areas: Area[]) => {
    const permitting = (prot = 0) => areas.filter((area) => (area.prot & prot) === prot);
    return { areas: permitting } as unknown as AddressSpace;
  };
  assert.deepEqual(claimsOf(space(area({}), area({ prot: 3, contentVersion: undefined }))), [
    claim(0x400000, 0x401000, 'v1', 0x1000 - 0x400000),
  ]);
  assert.equal(claimsOf(space(area({ contentVersion: undefined }))), undefined);
  assert.equal(claimsOf(space(area({ prot: 7 }))), undefined);
  assert.equal(claimsOf(space(area({ shared: true }))), undefined);
});
