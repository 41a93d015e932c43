import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { nodeKeyAgreement } from '../host/key-agreement.ts';
import {
  AES_256_GCM,
  type HpkeAead,
  hpkeEncapsulate,
  hpkeKeySchedule,
  hpkeOpen,
  hpkeSeal,
} from './hpke.ts';

const tools = { crypto: nodeCrypto, keys: nodeKeyAgreement, entropy: nodeEntropy };
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString('hex');
const INFO = bytes('4f6465206f6e2061204772656369616e2055726e');
const AES_128_GCM: HpkeAead = { id: 0x0001, keyBytes: 16 };

test('RFC 9180, A.1.1: encapsulation and key schedule of X25519 and HKDF-SHA256', () => {
  const recipient = bytes('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d');
  const ephemeral = bytes('52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736');
  const made = hpkeEncapsulate(tools, recipient, ephemeral);
  assert.ok(made !== undefined);
  const enc = '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431';
  assert.equal(hex(made.encapsulated), enc);
  const shared = 'fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc';
  assert.equal(hex(made.shared), shared);
  const { key, nonce } = hpkeKeySchedule(tools, AES_128_GCM, made.shared, INFO);
  assert.equal(hex(key), '4531685d41d65f03dc48f6b8302c05b0');
  assert.equal(hex(nonce), '56d890e5accaaf011cff4b7d');
});

test("the RFC's vectors for AES-256-GCM (aead_id 2): the first message", () => {
  const recipient = bytes('ac66bae9ffa270cf4a89ed9f274e30c0456babae2572aaaf002ff0d8884ab018');
  const ephemeral = bytes('28e212563a8b6f068af7ff17400ff1baf23612b7a738bbaf5dfb321b2b5b431a');
  const made = hpkeEncapsulate(tools, recipient, ephemeral);
  assert.ok(made !== undefined);
  const { key, nonce } = hpkeKeySchedule(tools, AES_256_GCM, made.shared, INFO);
  const plaintext = bytes('4265617574792069732074727574682c20747275746820626561757479');
  const sealed = nodeCrypto.aesGcmSeal(key, nonce, bytes('436f756e742d30'), plaintext);
  const wanted =
    '23ded2d5d90ea89d975dac4792b297240f194952d7421aacbff0474100052b6bb8aa58d18ef6c42b6960e2e28f';
  assert.equal(hex(sealed.ciphertext) + hex(sealed.tag), wanted);
});

test('hpkeOpen() gives back what was sealed, for this key, this info and these bytes only', () => {
  const key = new Uint8Array(32).fill(3);
  const recipient = nodeKeyAgreement.x25519Public(key);
  const message = new TextEncoder().encode('a key');
  const sealed = hpkeSeal(tools, recipient, INFO, message);
  assert.ok(sealed !== undefined);
  assert.deepEqual(hpkeOpen(tools, key, INFO, sealed), message);
  assert.equal(hpkeOpen(tools, new Uint8Array(32).fill(4), INFO, sealed), undefined);
  assert.equal(hpkeOpen(tools, key, new Uint8Array(1), sealed), undefined);
  for (const part of ['encapsulated', 'ciphertext'] as const) {
    const bytes = sealed[part].slice();
    bytes[0]! ^= 1;
    assert.equal(hpkeOpen(tools, key, INFO, { ...sealed, [part]: bytes }), undefined);
  }
  assert.equal(hpkeOpen(tools, key, INFO, { ...sealed, ciphertext: new Uint8Array(3) }), undefined);
});

test('a public key of small order is refused (RFC 7748, section 6.1)', () => {
  assert.equal(hpkeSeal(tools, new Uint8Array(32), INFO, new Uint8Array(1)), undefined);
  const sealed = { encapsulated: new Uint8Array(32), ciphertext: new Uint8Array(32) };
  assert.equal(hpkeOpen(tools, new Uint8Array(32).fill(3), INFO, sealed), undefined);
});
