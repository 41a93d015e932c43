import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PROT_NONE, PROT_READ, PROT_WRITE, type ShownPages } from '../../mm/page-host.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { pages } = sharedNativeHost();
const AT = 0x1234_0000;
const OPEN = PROT_READ | PROT_WRITE;

const PAGE = 4096;

function sandbox(wanted?: readonly ShownPages[]) {
  const made = pages.createSandbox(wanted);
  assert.ok(typeof made !== 'number');
  return made;
}

/** Of `count` pages, each full of the letter of its number. */
function lettered(count: number) {
  const made = pages.createSegment('kept-test', count * PAGE);
  assert.ok(typeof made === 'object');
  for (let n = 0; n < count; n++) made.write(n * PAGE, new Uint8Array(PAGE).fill(97 + n));
  return made;
}

type Sandbox = ReturnType<typeof sandbox>;
/** The letter at an address; '-' where nothing can be read. */
function letterAt(space: Sandbox, at: number): string {
  const byte = new Uint8Array(1);
  return space.copyIn(at, byte) === 1 ? String.fromCharCode(byte[0] as number) : '-';
}
const letters = (space: Sandbox, from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => letterAt(space, from + n * PAGE)).join('');

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

/** As the process of a program: three pages of a file to read, one to write, one that others see. */
function load(space: Sandbox, segment: ReturnType<typeof lettered>): void {
  assert.equal(space.mapSegment(AT, 3 * PAGE, PROT_READ, segment, 0, 'private'), 0);
  assert.equal(space.mapSegment(AT + 3 * PAGE, PAGE, OPEN, segment, 3 * PAGE, 'private'), 0);
  assert.equal(space.mapSegment(AT + 4 * PAGE, PAGE, PROT_READ, segment, 4 * PAGE, 'shared'), 0);
  assert.equal(space.mapAnonymous(AT + 5 * PAGE, PAGE, OPEN), 0);
}

/** The place where a process was that loaded `segment`, did `work`, and ended; and what it showed. */
function usedPlace(segment: ReturnType<typeof lettered>, work: (space: Sandbox) => void) {
  using space = sandbox();
  load(space, segment);
  const shown = [...space.shown];
  for (const n of [3, 5]) space.copyOut(AT + n * PAGE, Uint8Array.of(0x21));
  work(space);
  return { base: space.base, shown };
}

test('the next process of a program finds its read-only pages, and nothing else', () => {
  using segment = lettered(5);
  const { base, shown } = usedPlace(segment, () => undefined);
  assert.deepEqual(
    shown.map(({ start, end, isShared }) => [(start - AT) / PAGE, (end - AT) / PAGE, isShared]),
    [
      [0, 3, false],
      [4, 5, true],
    ],
  );
  using next = sandbox(shown);
  assert.equal(next.base, base);
  next.expect(shown);
  assert.equal(letters(next, AT, 6), 'abc-e-');
  assert.equal(next.copyOut(AT, Uint8Array.of(1)), 0, 'closed for writing');
  load(next, segment);
  assert.equal(letters(next, AT, 6), 'abcde\0');
});

test('a process of another program finds nothing of the last one', () => {
  using segment = lettered(5);
  using other = lettered(5);
  const { base, shown } = usedPlace(segment, () => undefined);
  {
    using next = sandbox(shown);
    assert.equal(next.base, base);
    assert.equal(letters(next, AT, 6), '------', 'nothing was expected');
  }
  const again = usedPlace(segment, () => undefined);
  assert.equal(again.base, base);
  using next = sandbox(shown);
  assert.equal(next.base, base);
  const [first] = shown;
  assert.ok(first !== undefined);
  const second = { ...first, start: first.start + PAGE, offset: first.offset + PAGE };
  const wrong = [
    { ...first, end: first.start + PAGE },
    { ...second, segment: other, end: second.start + PAGE },
    { ...shown[1], isShared: false } as ShownPages,
  ];
  next.expect(wrong);
  assert.equal(letters(next, AT, 6), 'a-----', 'only what is as expected');
});

test('pages that a process changed, moved or closed are not kept', () => {
  const changes: readonly ((space: Sandbox) => void)[] = [
    (space) => {
      space.protect(AT + PAGE, PAGE, OPEN);
      assert.equal(space.copyOut(AT + PAGE, Uint8Array.of(0x21)), 1);
      space.protect(AT + PAGE, PAGE, PROT_READ);
    },
    (space) => space.protect(AT + PAGE, PAGE, PROT_NONE),
    (space) => space.unmap(AT + PAGE, PAGE),
    (space) => space.mapAnonymous(AT + PAGE, PAGE, PROT_READ),
    (space) => space.move(AT + PAGE, 2 * AT, PAGE),
    (space) => space.move(AT + 5 * PAGE, AT + PAGE, PAGE),
  ];
  using segment = lettered(5);
  for (const [n, change] of changes.entries()) {
    const { base, shown } = usedPlace(segment, change);
    using next = sandbox(shown);
    assert.equal(next.base, base);
    next.expect(shown);
    assert.equal(letters(next, AT, 6), 'a---e-', `change ${n}`);
    assert.equal(letterAt(next, 2 * AT), '-', `change ${n}`);
    load(next, segment);
    assert.equal(letters(next, AT, 6), 'abcde\0', `change ${n}`);
  }
});

test('kept pages follow their segment, and go with it', () => {
  const segment = lettered(5);
  const { base, shown } = usedPlace(segment, () => undefined);
  segment.write(PAGE, Uint8Array.of(0x7a));
  segment.resize(2 * PAGE);
  {
    using next = sandbox(shown);
    assert.equal(next.base, base);
    next.expect(shown);
    assert.equal(letters(next, AT, 6), 'az----');
  }
  segment.resize(5 * PAGE);
  {
    using other = sandbox(shown);
    assert.equal(other.base, base);
    assert.equal(letters(other, AT, 6), '------');
  }
  const empty = mappingsIn(base);
  usedPlace(segment, () => undefined);
  assert.ok(mappingsIn(base) > empty);
  segment[Symbol.dispose]();
  assert.equal(mappingsIn(base), empty, 'of a segment that is gone nothing stays');
  using next = sandbox();
  assert.equal(next.base, base);
  next.expect(shown);
  assert.equal(letters(next, AT, 6), '------');
});

test('large pages come at once, and read as zeros', () => {
  using space = sandbox();
  const [large, count] = [2 ** 21, 3];
  const made = pages.createSegment('large-test', count * large);
  assert.ok(typeof made === 'object');
  const at = Math.ceil(AT / large) * large;
  assert.equal(space.mapSegment(at, count * large, OPEN, made, 0, 'shared'), 0);
  space.takeLarge(at + large, large);
  const present = new Uint8Array((count * large) / PAGE);
  assert.equal(space.residency(at, count * large, present), 0);
  const residentIn = (n: number) =>
    present.subarray((n * large) / PAGE, ((n + 1) * large) / PAGE).filter((byte) => byte & 1)
      .length;
  // The host may have none, or have no room for one: then one page is there.
  assert.ok([1, large / PAGE].includes(residentIn(1)), String(residentIn(1)));
  assert.deepEqual([residentIn(0), residentIn(2)], [0, 0]);
  const bytes = new Uint8Array(large).fill(1);
  assert.equal(space.copyIn(at + large, bytes), large);
  assert.ok(bytes.every((byte) => byte === 0));
  made[Symbol.dispose]();
});
