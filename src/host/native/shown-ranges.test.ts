import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MemorySegment } from '../../mm/page-host.ts';
import { ShownRanges } from './shown-ranges.ts';

const PAGE = 4096;
const PAGES = 24;
const SEGMENTS = [{}, {}] as unknown as readonly MemorySegment[];

const step = fc.record({
  start: fc.nat(PAGES - 1),
  length: fc.integer({ min: 1, max: 6 }),
  segment: fc.option(fc.nat(1), { nil: undefined }),
  offset: fc.nat(4),
  isShared: fc.boolean(),
});

test('what is said to be shown was shown last in each page of the range', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(step, { maxLength: 8 }),
      (steps, asks) => {
        const shown = new ShownRanges();
        const model: (string | undefined)[] = Array.from({ length: PAGES + 6 });
        const name = (segment: number, page: number, isShared: boolean) =>
          `${segment} ${page} ${isShared}`;
        for (const { start, length, segment, offset, isShared } of steps) {
          const [from, to] = [start * PAGE, (start + length) * PAGE];
          shown.cut(from, to);
          for (let n = 0; n < length; n++)
            model[start + n] =
              segment === undefined ? undefined : name(segment, offset + n, isShared);
          if (segment === undefined) continue;
          const pages = {
            segment: SEGMENTS[segment] as MemorySegment,
            offset: offset * PAGE,
            isShared,
          };
          shown.add({ start: from, end: to, ...pages });
        }
        for (const { start, length, segment = 0, offset, isShared } of asks) {
          const expected = Array.from({ length }).every(
            (_, n) => model[start + n] === name(segment, offset + n, isShared),
          );
          const [from, to] = [start * PAGE, (start + length) * PAGE];
          const isFull = Array.from({ length }).every((_, n) => model[start + n] !== undefined);
          assert.equal(shown.fill(from, to), isFull);
          const of = SEGMENTS[segment] as MemorySegment;
          assert.equal(shown.covers(from, to, of, offset * PAGE, isShared), expected);
        }
        let end = 0;
        for (const range of shown.all) {
          assert.ok(range.start >= end && range.end > range.start, 'in order and apart');
          for (let at = range.start; at < range.end; at += PAGE) {
            const page = (range.offset + at - range.start) / PAGE;
            const segment = SEGMENTS.indexOf(range.segment);
            assert.equal(model[at / PAGE], name(segment, page, range.isShared));
          }
          end = range.end;
        }
        const known = model.filter((value) => value !== undefined).length;
        const covered = shown.all.reduce((sum, range) => sum + range.end - range.start, 0);
        assert.equal(covered / PAGE, known, 'nothing is forgotten');
      },
    ),
  );
});

test('beyond a limit further ranges are not noted', () => {
  const shown = new ShownRanges();
  const segment = SEGMENTS[0] as MemorySegment;
  for (let n = 0; n < 100; n++)
    shown.add({
      start: 2 * n * PAGE,
      end: (2 * n + 1) * PAGE,
      segment,
      offset: 0,
      isShared: false,
    });
  assert.equal(shown.all.length, 64);
  assert.equal(shown.covers(0, PAGE, segment, 0, false), true);
  assert.equal(shown.covers(198 * PAGE, 199 * PAGE, segment, 0, false), false);
});
