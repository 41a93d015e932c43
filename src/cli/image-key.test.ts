import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../attest/bytes.ts';
import { Secret } from '../base/secret.ts';
import { serveBroker } from '../host/broker-server.ts';
import { nodeCrypto } from '../host/crypto.ts';
import type { ImageHead, KeyBroker } from '../image/open.ts';
import { image, policyFor, RUNTIME, setup } from '../kbs/testing/setup.ts';
import { evidenceOf } from '../runtime/evidence.ts';
import { simProvider } from '../tee/sim.ts';
import { releasedKey } from './image-key.ts';
import type { RunProof } from './run-proof.ts';

const { broker, vault, key, identity, clock } = await setup();
vault.putPolicy('lab', policyFor('sealed'));
vault.putSecret('lab/key/image', 'lab', new Secret(new Uint8Array(32).fill(9)));
vault.putSecret('lab/key/short', 'lab', new Secret(new Uint8Array(5)));
const options = { host: '127.0.0.1', port: 0, maximumBodyBytes: 1 << 20 };
const server = await serveBroker((request) => broker.handle(request), options);
test.after(() => server.close());
const kbs = `http://127.0.0.1:${server.port}`;
const brokerKey = `ed25519:${toHex(key.publicKey)}`;

const provider = simProvider(identity, { crypto: nodeCrypto, clock });
const proof: RunProof = {
  ...{ provider, measureRuntime: () => RUNTIME },
  evidence: (of, publicKey, nonce) =>
    evidenceOf({ image: of, provider, publicKey, nonce, runtimeMeasurement: RUNTIME }, nodeCrypto),
};
const headOf = (name: string, keyBroker?: Partial<KeyBroker>): ImageHead => ({
  ...{ measurement: `sha256:${toHex(image(name))}`, signers: [], signatures: [] },
  ...{ manifest: {} as ImageHead['manifest'], isEncrypted: true },
  keyBroker: { key: brokerKey, secret: 'lab/key/image', ...keyBroker },
});

test('releasedKey() gets the key of the approved image, and hides it from whoever prints it', async () => {
  using secret = await releasedKey(headOf('sealed'), { kbs }, proof);
  assert.deepEqual(
    secret.use((bytes) => bytes.slice()),
    new Uint8Array(32).fill(9),
  );
  assert.equal(`${secret} ${JSON.stringify(secret)}`, '[secret] "[secret]"');
  // The way may stand in the image, too.
  using again = await releasedKey(headOf('sealed', { url: kbs }), {}, proof);
  assert.equal(again.byteLength, 32);
});

test('releasedKey() gets nothing for another image, from another broker, or what is no key', async () => {
  const refused: readonly (readonly [ImageHead, { kbs?: string; kbsKey?: string }, RegExp])[] = [
    [headOf('changed'), { kbs }, /secret lab\/key\/image .*neither listed nor signed/],
    [headOf('sealed', { secret: 'lab/key/short' }), { kbs }, /is no key: it needs 32 bytes/],
    [headOf('sealed'), {}, /say where it is with --kbs URL/],
    [headOf('sealed', { key: `ed25519:${'0'.repeat(64)}` }), { kbs }, /not signed by this key/],
    [headOf('sealed'), { kbs, kbsKey: `ed25519:${'0'.repeat(64)}` }, /not that of --kbs-key/],
    [{ ...headOf('sealed'), keyBroker: undefined }, { kbs }, /give --image-key FILE/],
  ];
  for (const [head, how, message] of refused)
    await assert.rejects(releasedKey(head, how, proof), message);
});
