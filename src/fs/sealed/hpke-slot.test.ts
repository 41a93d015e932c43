import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto, nodeEntropy } from '../../host/crypto.ts';
import { nodeKeyAgreement } from '../../host/key-agreement.ts';
import { FixedFileClock } from '../../vfs/file-clock.ts';
import { privateKey, recipientKey } from './l1-keys/hpke-slot.ts';
import { rawKey, type SecretSource } from './l1-keys/unlock.ts';
import { addSlots, rekey } from './l4-store/rekey.ts';
import { MemoryHost } from './testing/memory-host.ts';
import { makeFile, treeOf } from './testing/volume.ts';
import { createVolume, openVolume } from './volume.ts';

const tools = { crypto: nodeCrypto, keys: nodeKeyAgreement, entropy: nodeEntropy };
const clock = new FixedFileClock();
const pair = (fill: number) => {
  const key = new Uint8Array(32).fill(fill);
  return { secret: privateKey(key, tools), publicKey: nodeKeyAgreement.x25519Public(key) };
};
const context = (host: MemoryHost) => ({
  ...{ host, crypto: nodeCrypto, entropy: nodeEntropy, name: 'test' },
});
const WRONG = { code: 'CLOISTER_VOLUME_KEY' };

function namesWith(host: MemoryHost, secret: SecretSource): string[] {
  return [...treeOf(openVolume(context(host), { clock, secret, isReadOnly: true }).root).keys()];
}

test('a slot for a public key opens with its private key only, and survives adding and rekeying', () => {
  const [one, two] = [pair(1), pair(2)];
  const host = new MemoryHost();
  const slots = [{ name: 'recipient', maker: recipientKey(one.publicKey, tools) }];
  const fs = createVolume(context(host), { sizeBytes: 64 << 20, slots, clock });
  makeFile(fs.root, 'file');
  fs.sync();
  assert.deepEqual(namesWith(host, one.secret), ['/file']);
  assert.throws(() => namesWith(host, two.secret), WRONG);
  assert.throws(() => namesWith(host, rawKey(new Uint8Array(32))), WRONG);
  const opened = openVolume(context(host), { clock, secret: one.secret });
  const more = { name: 'recipient', maker: recipientKey(two.publicKey, tools) };
  addSlots(opened.store, nodeEntropy, [more]);
  for (const { secret } of [one, two]) assert.deepEqual(namesWith(host, secret), ['/file']);
  rekey(opened.store, nodeEntropy, [more]);
  assert.deepEqual(namesWith(host, two.secret), ['/file']);
  assert.throws(() => namesWith(host, one.secret), WRONG);
});

test('a slot of one volume does not open another, and a changed one opens nothing', () => {
  const { secret, publicKey } = pair(3);
  const { parameters, kek } = recipientKey(publicKey, tools).makeKek(new Uint8Array(16).fill(1));
  assert.deepEqual(secret.kekFor(parameters, new Uint8Array(16).fill(1)), kek);
  assert.equal(secret.kekFor(parameters, new Uint8Array(16).fill(2)), undefined);
  for (let at = 0; at < parameters.length; at += 5) {
    const changed = parameters.slice();
    changed[at]! ^= 4;
    assert.equal(secret.kekFor(changed, new Uint8Array(16).fill(1)), undefined);
  }
  assert.equal(secret.kekFor(parameters.subarray(0, 100), new Uint8Array(16).fill(1)), undefined);
});

test('a public key that is none makes no slot', () => {
  assert.throws(() => recipientKey(new Uint8Array(32), tools).makeKek(new Uint8Array(16)), WRONG);
});
