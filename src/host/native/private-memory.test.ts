import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type SandboxPages,
  type ShownPages,
} from '../../mm/page-host.ts';
import { cutRuns, hasRun } from './private-ranges.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { pages: host } = sharedNativeHost();
const PAGE = 4096;
const OPEN = PROT_READ | PROT_WRITE;
const AT = 0x2345_0000;
const PAGES = 24;
const GONE = '-';

function createSandbox(wanted?: readonly ShownPages[]): SandboxPages {
  const made = host.createSandbox(wanted);
  assert.ok(typeof made === 'object');
  return made;
}

/** As many pages, each full of a letter of its own. */
function lettered(count: number, first: number) {
  const made = host.createSegment('private-test', count * PAGE);
  assert.ok(typeof made === 'object');
  for (let n = 0; n < count; n++) made.write(n * PAGE, new Uint8Array(PAGE).fill(first + n));
  return made;
}

const segments = [lettered(PAGES, 65), lettered(PAGES, 97)];
/** What the segments hold. */
const held = segments.map((_, n) =>
  Array.from({ length: PAGES }, (_, page) => String.fromCharCode((n === 0 ? 65 : 97) + page)),
);

/** First and last byte of each page: both have to be what is expected. */
function contents(space: SandboxPages): string[] {
  const byte = new Uint8Array(1);
  const at = (addr: number) =>
    space.copyIn(addr, byte) === 1 ? String.fromCharCode(byte[0] as number) : GONE;
  return Array.from({ length: PAGES }, (_, page) => {
    const [first, last] = [at(AT + page * PAGE), at(AT + (page + 1) * PAGE - 1)];
    return first === last ? first : `${first}${last}`;
  });
}

const range = { start: fc.nat(PAGES - 1), length: fc.integer({ min: 1, max: 8 }) };
/** What a process begins with: zero pages, or pages of a segment. */
const begin = fc.record({
  ...range,
  segment: fc.option(fc.nat(1), { nil: undefined }),
  offset: fc.nat(3),
  prot: fc.constantFrom(OPEN, OPEN, OPEN, PROT_READ),
  isPopulated: fc.boolean(),
});
const KINDS = ['write', 'close', 'read only', 'open', 'unmap', 'map', 'discard', 'move'] as const;
const step = fc.record({ ...range, kind: fc.constantFrom(...KINDS), to: fc.nat(PAGES - 1) });
const process = fc.record({
  begins: fc.array(begin, { maxLength: 4 }),
  steps: fc.array(step, { maxLength: 8 }),
  /** It begins with what the one before began with, too; or with the same for other uses. */
  likeness: fc.constantFrom('new', 'before', 'before', 'turned'),
  /** As a child: it gets another's bytes where it may only read. */
  isChild: fc.boolean(),
  /** Pages of a segment that change before it maps what it begins with. */
  changed: fc.option(
    fc.record({ segment: fc.nat(1), page: fc.nat(PAGES - 1), isEarly: fc.boolean() }),
    { nil: undefined, freq: 4 },
  ),
});

/** Which pages may be written. */
function openPages(space: SandboxPages): boolean[] {
  return Array.from({ length: PAGES }, (_, page) => {
    const byte = new Uint8Array(1);
    const addr = AT + page * PAGE;
    return space.copyIn(addr, byte) === 1 && space.copyOut(addr, byte) === 1;
  });
}

function mappedOpen(begins: readonly Begin[]): boolean[] {
  const open = Array.from({ length: PAGES }, () => false);
  for (const { start, length, offset, prot } of begins) {
    const { bytes } = bytesOf({ start, length: Math.min(length, PAGES - offset) });
    open.fill(prot === OPEN, start, start + bytes / PAGE);
  }
  return open;
}

function change({ segment, page }: { segment: number; page: number }): void {
  const letter = (held[segment] as string[])[page] === '0' ? '1' : '0';
  (held[segment] as string[])[page] = letter;
  segments[segment]?.write(page * PAGE, new Uint8Array(PAGE).fill(letter.charCodeAt(0)));
}

const bytesOf = ({ start, length }: { start: number; length: number }) => ({
  addr: AT + start * PAGE,
  bytes: Math.min(length, PAGES - start) * PAGE,
});

type Begin = typeof begin extends fc.Arbitrary<infer B> ? B : never;

function mapAll(space: SandboxPages, begins: readonly Begin[]): string[] {
  const model = Array.from({ length: PAGES }, () => GONE);
  for (const { start, length, segment, offset, prot, isPopulated } of begins) {
    const { addr, bytes } = bytesOf({ start, length: Math.min(length, PAGES - offset) });
    const source = segment === undefined ? undefined : segments[segment];
    const failed =
      source === undefined
        ? space.mapAnonymous(addr, bytes, prot, isPopulated)
        : space.mapSegment(addr, bytes, prot, source, offset * PAGE, 'private', isPopulated);
    assert.equal(failed, 0);
    for (let n = 0; n < bytes / PAGE; n++)
      model[start + n] =
        segment === undefined ? '\0' : ((held[segment] as string[])[offset + n] as string);
  }
  return model;
}

const parent = createSandbox();
parent.mapAnonymous(AT, PAGES * PAGE, OPEN);
parent.copyOut(AT, new Uint8Array(PAGES * PAGE).fill(42));

/** The first half of a mapping, as far as nothing was mapped over it. */
function inherit(space: SandboxPages, one: Begin, model: string[]): void {
  const { addr, bytes } = bytesOf({ ...one, length: Math.ceil(one.length / 2) });
  const open = openPages(space);
  for (let n = 0; n < bytes / PAGE; n++) {
    const page = one.start + n;
    if (open[page] === true || model[page] === GONE) continue;
    assert.equal(parent.copyPages(space, addr + n * PAGE, PAGE, true), 0);
    model[page] = '*';
  }
}

const WORK: Record<
  (typeof KINDS)[number],
  (space: SandboxPages, addr: number, bytes: number, to: number) => void
> = {
  write: (space, addr, bytes) => void space.copyOut(addr, new Uint8Array(bytes).fill(33)),
  close: (space, addr, bytes) => void space.protect(addr, bytes, PROT_NONE),
  'read only': (space, addr, bytes) => void space.protect(addr, bytes, PROT_READ),
  open: (space, addr, bytes) => void space.protect(addr, bytes, OPEN),
  unmap: (space, addr, bytes) => void space.unmap(addr, bytes),
  map: (space, addr, bytes) => void space.mapAnonymous(addr, bytes, OPEN),
  discard: (space, addr, bytes) => void space.discard(addr, bytes),
  move: (space, addr, bytes, to) => {
    if (addr + bytes <= to || to + bytes <= addr) space.move(addr, to, bytes);
  },
};

test('whatever the processes before did, one finds its memory as if it were the first', () => {
  fc.assert(
    fc.property(fc.array(process, { minLength: 2, maxLength: 6 }), (processes) => {
      let before: (typeof processes)[number]['begins'] = [];
      let wanted: readonly ShownPages[] = [];
      for (const { begins, steps, likeness, isChild, changed } of processes) {
        if (likeness === 'new') [before, wanted] = [begins, []];
        if (likeness === 'turned')
          before = before.map((one) => ({ ...one, prot: OPEN + PROT_READ - one.prot }));
        const space = createSandbox(wanted);
        if (changed?.isEarly === true) change(changed);
        space.expect(wanted);
        if (changed?.isEarly === false) change(changed);
        const model = mapAll(space, before);
        wanted = [...space.shown];
        if (isChild)
          for (const one of before) if (one.prot === PROT_READ) inherit(space, one, model);
        space.settle();
        assert.deepEqual(contents(space), model);
        assert.deepEqual(openPages(space), mappedOpen(before));
        for (const one of steps) {
          const { addr, bytes } = bytesOf(one);
          WORK[one.kind](space, addr, bytes, AT + (PAGES + one.to) * PAGE);
        }
        space[Symbol.dispose]();
      }
    }),
    { numRuns: 150 },
  );
});

test('what a process began with stays for the next that begins with the same', () => {
  const base = (() => {
    using space = createSandbox();
    space.expect([]);
    space.mapAnonymous(AT, 4 * PAGE, OPEN);
    space.settle();
    space.copyOut(AT + PAGE, Uint8Array.of(33));
    return space.base;
  })();
  using next = createSandbox();
  assert.equal(next.base, base);
  next.expect([]);
  next.mapAnonymous(AT, 4 * PAGE, OPEN);
  const there = new Uint8Array(4);
  assert.equal(next.residency(AT, 4 * PAGE, there), 0);
  assert.deepEqual([...there], [0, 1, 0, 0], 'its pages');
  assert.equal(contents(next).slice(0, 4).join(''), '\0\0\0\0', 'not its bytes');
});

test('nothing stays of memory that others may write to', () => {
  using segment = lettered(2, 65);
  const again = () => {
    using space = createSandbox();
    space.expect([]);
    space.mapSegment(AT, 2 * PAGE, OPEN, segment, 0, 'private', true);
    space.settle();
    return contents(space).slice(0, 2).join('');
  };
  assert.equal(again(), 'AB');
  using other = createSandbox();
  other.mapSegment(AT, PAGE, OPEN, segment, 0, 'shared');
  other.copyOut(AT, new Uint8Array(PAGE).fill(48));
  assert.equal(again(), '0B');
  other.copyOut(AT, new Uint8Array(PAGE).fill(49));
  assert.equal(again(), '1B');
});

test('bytes that change between being expected and being mapped are the new ones', () => {
  using segment = lettered(2, 65);
  const begin = (space: SandboxPages) => {
    assert.equal(space.mapSegment(AT, 2 * PAGE, OPEN, segment, 0, 'private', true), 0);
    space.settle();
  };
  {
    using space = createSandbox();
    space.expect([]);
    begin(space);
    space.copyOut(AT, Uint8Array.of(33));
  }
  using next = createSandbox();
  next.expect([]);
  segment.write(0, new Uint8Array(PAGE).fill(48));
  begin(next);
  assert.equal(contents(next).slice(0, 2).join(''), '0B');
});

test('runs of pages lose what is cut out of them', () => {
  assert.deepEqual(cutRuns([0, 4, 8, 12], 2, 9), [0, 2, 9, 12]);
  assert.deepEqual(cutRuns([0, 12], 4, 8), [0, 4, 8, 12]);
  assert.deepEqual(cutRuns([0, 4, 8, 12], 4, 8), [0, 4, 8, 12]);
  assert.deepEqual(cutRuns([0, 4], 0, 4), []);
  assert.ok(hasRun([0, 4, 8, 12], 9, 12) && !hasRun([0, 4, 8, 12], 3, 9));
});
