import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from './byte-queue.ts';
import { Ip, parseIp } from './ip.ts';

test('addresses survive being printed and parsed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const ip = Ip.v6(bytes);
      assert.equal(parseIp(ip.toString())?.key, ip.key);
    }),
  );
  for (const text of ['0.0.0.0', '127.0.0.1', '::', '::1', 'fe80::1', '2001:db8::a:0:0:1'])
    assert.equal(parseIp(text)?.toString(), text);
  for (const bad of ['', '1.2.3', '256.1.1.1', '01.2.3.4', ':::', '1:2', '::1::', '12345::'])
    assert.equal(parseIp(bad), undefined, bad);
});

test('isWithin() compares prefixes of any length', () => {
  const within = (ip: string, network: string, bits: number) =>
    parseIp(ip)?.isWithin(parseIp(network) as Ip, bits);
  assert.equal(within('10.1.2.3', '10.0.0.0', 8), true);
  assert.equal(within('11.1.2.3', '10.0.0.0', 8), false);
  assert.equal(within('10.1.2.3', '10.1.2.2', 31), true);
  assert.equal(within('10.1.2.3', '0.0.0.0', 0), true);
  assert.equal(within('::1', '0.0.0.0', 0), false);
  assert.equal(within('2001:db8:1::1', '2001:db8::', 33), true);
  assert.equal(within('2001:db8:8000::1', '2001:db8::', 33), false);
});

test('ByteQueue gives back what it was given', () => {
  const step = fc.oneof(
    fc.record({ push: fc.uint8Array({ maxLength: 9000 }) }),
    fc.record({ take: fc.nat(12_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new ByteQueue();
      let model: number[] = [];
      for (const one of steps) {
        if ('push' in one) {
          queue.push(one.push, 0, one.push.length);
          model = [...model, ...one.push];
        } else {
          const target = new Uint8Array(one.take + 2);
          const count = queue.peek(target, 1, one.take);
          assert.deepEqual([...target.subarray(1, 1 + count)], model.slice(0, one.take));
          queue.drop(count);
          model = model.slice(count);
        }
        assert.equal(queue.length, model.length);
      }
    }),
    { numRuns: 60 },
  );
});
