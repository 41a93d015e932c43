import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PageSet } from './page-set.ts';

const PAGES = 2 ** 20;
const page = fc.oneof(fc.nat(200), fc.integer({ min: PAGES - 100, max: PAGES - 1 }));
const range = fc.tuple(page, fc.nat(130)).map(([first, length]) => ({ first, length }));
const step = fc.oneof(
  page.map((added) => ({ added })),
  page.map((deleted) => ({ deleted })),
  range.map((cut) => ({ cut })),
  range.map((asked) => ({ asked })),
);

test('a page set answers as a set of numbers does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const pages = new PageSet();
      const model = new Set<number>();
      const inside = ({ first, length }: { first: number; length: number }) =>
        [...model].filter((each) => each >= first && each < first + length).sort((a, b) => a - b);
      for (const one of steps) {
        if ('added' in one) {
          pages.add(one.added);
          model.add(one.added);
        } else if ('deleted' in one) {
          pages.delete(one.deleted);
          model.delete(one.deleted);
        } else if ('cut' in one) {
          const gone = inside(one.cut);
          const { first, length } = one.cut;
          assert.equal(pages.deleteRange(first, first + length), gone.length > 0);
          for (const each of gone) model.delete(each);
        } else {
          const { first, length } = one.asked;
          assert.equal(pages.firstIn(first, first + length), inside(one.asked)[0] ?? -1);
          assert.equal(pages.has(first), model.has(first));
        }
        assert.equal(pages.isEmpty, model.size === 0);
        assert.deepEqual(new Set(pages), model);
      }
    }),
  );
});
