/** What the cache does not believe of a unit: the translator is not trusted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, TABLE_ENTRIES } from '../sandbox/layout.ts';
import { TARGET } from '../sandbox/macros.ts';
import type { Unit } from '../translate/unit.ts';
import { CodeCache } from './code-cache.ts';
import { fakeCodeHost } from './testing/fake-code-host.ts';

/** nop; mov eax, 0x90909090; jmp next; jmp exit `syscall`. */
function unit(changes: Partial<Unit> = {}): Unit {
  const bytes = [0x90, 0xb8, 0x90, 0x90, 0x90, 0x90, 0x90, 0xe9, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0];
  return {
    rip: 0x401000,
    entryAt: 0,
    landingAt: 0,
    bytes: Uint8Array.from(bytes),
    links: new Uint32Array(0),
    relocs: Uint32Array.of(13, EXIT.syscall),
    places: new Uint32Array(0),
    isMovable: true,
    instructionCount: 1,
    leaders: new Uint32Array(0),
    returns: new Uint32Array(0),
    ranges: new Uint32Array(0),
    source: new Uint8Array(0),
    pages: Uint32Array.of(0x401),
    selfChecking: false,
    hasLiveImmediates: false,
    details: undefined,
    ...changes,
  };
}

test('landings and entries inside an instruction are not registered', () => {
  const cache = new CodeCache(fakeCodeHost());
  const domain = cache.createDomain();
  for (const at of [2, 3, 400, -1, 1.5]) {
    const placed = cache.add(unit({ rip: 0x500000 + at, entryAt: at, landingAt: at }), domain);
    assert.equal(domain.entryOf(0x500000 + at), undefined);
    assert.equal(domain.learn(0x500000 + at, 'jump'), false);
    assert.equal(placed.dead, false);
  }
  cache.add(unit({ returns: Uint32Array.of(0x402000, 2, 0x402008, 1) }), domain);
  assert.equal(domain.learn(0x402000, 'return'), false);
  assert.equal(domain.learn(0x402008, 'return'), true);
});

test('a link must be a jmp rel32 in the bytes that were verified', () => {
  const cache = new CodeCache(fakeCodeHost());
  const domain = cache.createDomain();
  const good = unit({ links: Uint32Array.of(0x402000, 8, 2) });
  assert.equal(cache.add(good, domain).dead, false);
  const immediate = unit({ links: Uint32Array.of(0x402000, 2, 2) });
  assert.throws(() => cache.add(immediate, domain), { code: 'UNIT_REJECTED' });
  // E9 in the unit, but a relocation makes mov ecx, imm32 (B9) of it before it is verified.
  const hidden = unit({
    bytes: Uint8Array.from([0x90, 0x90, 0x90, 0xe9, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0]),
    relocs: Uint32Array.of(3, EXIT.emulate, 9, EXIT.syscall),
    links: Uint32Array.of(0x402000, 4, 4),
  });
  const fresh = new CodeCache(fakeCodeHost());
  assert.throws(() => fresh.add(hidden, fresh.createDomain()), /: link, no branch there/);
});

test('no unit may branch to an exit that only signal handlers take', () => {
  const cache = new CodeCache(fakeCodeHost());
  const domain = cache.createDomain();
  for (const target of [EXIT.fault, EXIT.tick, EXIT.tickBeforeEntry])
    assert.throws(() => cache.add(unit({ relocs: Uint32Array.of(13, target) }), domain), {
      code: 'UNIT_REJECTED',
    });
  for (const target of [EXIT.syscall, TARGET.miss, TARGET.missReturn, TARGET.missJump])
    cache.add(unit({ relocs: Uint32Array.of(13, target) }), domain);
});

test('a dropped unit is in no table, even if a later one has the same return address', () => {
  const cache = new CodeCache(fakeCodeHost());
  const domain = cache.createDomain();
  const index = 0x402008 & (TABLE_ENTRIES - 1);
  const fill = domain.tables.returns[index];
  const first = cache.add(unit({ returns: Uint32Array.of(0x402008, 1) }), domain);
  assert.notEqual(domain.tables.returns[index], fill);
  cache.add(unit({ rip: 0x403000, returns: Uint32Array.of(0x402008, 1) }), domain);
  domain.drop(first);
  assert.equal(domain.tables.returns[index], fill);
  assert.equal(domain.learn(0x402008, 'return'), true);
});

test('dropped units are forgotten, live ones are found and linked as before', () => {
  const host = fakeCodeHost(1 << 20);
  const cache = new CodeCache(host);
  const domain = cache.createDomain();
  const kept = cache.add(unit({ rip: 0x500000 }), domain);
  const link = Uint32Array.of(0x600000, 8, 2);
  const linked = cache.add(unit({ rip: 0x500010, links: link }), domain);
  for (let n = 0; n < 20_000; n++) domain.drop(cache.add(unit({ links: link }), domain));
  assert.equal(cache.statistics.flushes, 0);
  assert.ok(cache.unitCount < 5000);
  assert.equal(cache.unitAt(kept.offset), kept);
  assert.equal(cache.linkTarget(linked.firstLink), 0x600000);
  assert.equal(cache.linkTarget(linked.firstLink + 1), undefined);
  assert.equal(cache.linkTarget(linked.firstLink - 1), undefined, 'of a dropped unit');
  assert.equal(cache.linkTarget(-1), undefined);
  assert.equal(cache.linkTarget(0.5), undefined);
});

const source = { matches: () => true, moduleAt: () => undefined, isSelfChecking: () => false };

test('a unit that was dropped with its page comes back in its place, with its links', () => {
  const host = fakeCodeHost();
  const cache = new CodeCache(host);
  const domain = cache.createDomain();
  const target = cache.add(unit({ rip: 0x600000, pages: Uint32Array.of(0x600) }), domain);
  const links = Uint32Array.of(0x600000, 8, 2);
  const ranges = Uint32Array.of(0x401000, 1);
  const made = unit({ links, ranges, returns: Uint32Array.of(0x401008, 1) });
  const first = cache.addFresh(made, domain, undefined);
  const displacement = () =>
    new DataView(host.code.bytes.buffer, host.code.bytes.byteOffset).getInt32(
      first.offset + 8,
      true,
    );
  const linked = displacement();
  assert.equal(linked, target.offset - (first.offset + 12));
  const used = cache.space.usedBytes;
  for (let n = 0; n < 3; n++) {
    assert.equal(cache.invalidate(domain, 0x401000, 4096), true);
    assert.equal(cache.invalidate(domain, 0x401000, 4096), false);
    assert.equal(domain.entryOf(0x401000), undefined);
    assert.equal(domain.learn(0x401008, 'return'), false);
    assert.equal(cache.linkTarget(first.firstLink), undefined);
    // What it was linked to goes away meanwhile, every other time.
    if (n === 1) domain.drop(target);
    assert.equal(cache.addStored(0x401000, domain, source), first);
    assert.equal(first.dead, false);
    assert.equal(domain.entryOf(0x401000), first.offset);
    assert.equal(domain.learn(0x401008, 'return'), true);
    assert.equal(cache.linkTarget(first.firstLink), 0x600000);
    assert.equal(displacement(), n >= 1 ? 0 : linked);
  }
  assert.equal(cache.space.usedBytes, used);
  const again = cache.add(unit({ rip: 0x600000, pages: Uint32Array.of(0x600) }), domain);
  assert.equal(displacement(), again.offset - (first.offset + 12));
});

test('what was swept, or dropped for another reason, is placed anew', () => {
  const cache = new CodeCache(fakeCodeHost(1 << 20));
  const domain = cache.createDomain();
  const other = cache.createDomain();
  const made = unit({ ranges: Uint32Array.of(0x401000, 1) });
  const first = cache.addFresh(made, domain, undefined);
  domain.drop(first);
  const second = cache.addStored(0x401000, domain, source);
  assert.notEqual(second, first);
  cache.invalidate(domain, 0x401000, 4096);
  assert.notEqual(cache.addStored(0x401000, other, source)?.offset, second?.offset);
  for (let n = 0; n < 6000; n++) domain.drop(cache.add(unit({ rip: 0x700000 }), domain));
  const third = cache.addStored(0x401000, domain, source);
  assert.notEqual(third?.offset, second?.offset);
  assert.equal(third && cache.unitAt(third.offset), third);
  cache.invalidate(domain, 0x401000, 4096);
  cache.flush();
  const fourth = cache.addStored(0x401000, domain, source);
  assert.notEqual(fourth, third);
  assert.equal(fourth && cache.unitAt(fourth.offset), fourth);
});

test('records that changed since they were verified write nowhere', () => {
  const host = fakeCodeHost();
  const cache = new CodeCache(host);
  const domain = cache.createDomain();
  const links = Uint32Array.of(0x402000, 8, 2);
  const made = { ...unit({ ranges: Uint32Array.of(0x401000, 1) }), links };
  const first = cache.addFresh(made, domain, undefined);
  cache.invalidate(domain, 0x401000, 4096);
  const before = host.code.bytes.slice(first.offset, first.offset + 64);
  made.links = Uint32Array.of(0x402000, 3, 2, 0x402000, 20, 2, 0x402000, 5000, 2);
  cache.addStored(0x401000, domain, source);
  assert.deepEqual(host.code.bytes.slice(first.offset, first.offset + 64), before);
});
