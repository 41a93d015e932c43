import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { LinkTable } from './link-table.ts';

const LINKS = 5000;

test('links leave their chain in any order, and come back', () => {
  const random = new SeededRandom(7);
  const links = new LinkTable();
  for (let link = 0; link < LINKS; link++) links.add(0x40_0000, 4 * link);
  let first = -1;
  let model: number[] = [];
  const walk = () => {
    const found: number[] = [];
    for (let link = first; link >= 0; link = links.nextOf(link)) found.push(link);
    return found;
  };
  const put = (link: number) => {
    links.putBefore(link, first);
    first = link;
    model.unshift(link);
  };
  for (let link = 0; link < LINKS; link++) put(link);
  for (let round = 0; round < 3000; round++) {
    const link = random.below(LINKS);
    if (model.includes(link)) {
      if (!links.takeOut(link)) first = links.nextOf(link);
      links.kill(link, 1);
      model = model.filter((each) => each !== link);
    } else {
      assert.equal(links.restore(link), 4 * link);
      put(link);
    }
  }
  assert.ok(model.length < LINKS - 1000, `${model.length} are left`);
  assert.deepEqual(walk(), model);
});
