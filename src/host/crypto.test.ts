import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { nodeCrypto, nodeEntropy } from './crypto.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const text = (value: string) => new TextEncoder().encode(value);

test('sha256() gives the FIPS 180-4 example digest, in one part or several', () => {
  const want = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.equal(Buffer.from(nodeCrypto.sha256(text('abc'))).toString('hex'), want);
  assert.equal(Buffer.from(nodeCrypto.sha256(text('a'), text('bc'))).toString('hex'), want);
});

test('hkdfSha256() gives RFC 5869 test case 1', () => {
  const okm = nodeCrypto.hkdfSha256(
    new Uint8Array(22).fill(0x0b),
    hex('000102030405060708090a0b0c'),
    hex('f0f1f2f3f4f5f6f7f8f9'),
    42,
  );
  assert.equal(
    Buffer.from(okm).toString('hex'),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  );
});

test('aesGcmSeal() gives NIST GCM test case 16, and aesGcmOpen() refuses any flipped bit', () => {
  const key = hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308');
  const nonce = hex('cafebabefacedbaddecaf888');
  const aad = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
  const plain = hex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  );
  const { ciphertext, tag } = nodeCrypto.aesGcmSeal(key, nonce, aad, plain);
  assert.equal(Buffer.from(tag).toString('hex'), '76fc6ece0f4e1768cddf8853bb2d551b');
  const open = nodeCrypto.aesGcmOpen(key, nonce, aad, ciphertext, tag);
  assert.deepEqual(Buffer.from(open as Uint8Array), Buffer.from(plain));
  const flipped = Uint8Array.from(ciphertext);
  flipped[5]! ^= 1;
  assert.equal(nodeCrypto.aesGcmOpen(key, nonce, aad, flipped, tag), undefined);
  assert.equal(nodeCrypto.aesGcmOpen(key, nonce, aad.slice(1), ciphertext, tag), undefined);
  assert.equal(nodeCrypto.aesGcmOpen(key, nonce, aad, ciphertext, tag.slice(0, 12)), undefined);
});

test('ed25519Verify() takes what ed25519Sign() made and nothing else', () => {
  const pair = generateKeyPairSync('ed25519');
  const secret = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const signature = nodeCrypto.ed25519Sign(secret, text('message'));
  assert.equal(nodeCrypto.ed25519Verify(raw, text('message'), signature), true);
  assert.equal(nodeCrypto.ed25519Verify(raw, text('massage'), signature), false);
  assert.equal(nodeCrypto.ed25519Verify(raw.subarray(1), text('message'), signature), false);
});

test('nodeEntropy fills the whole target', () => {
  const target = new Uint8Array(64);
  nodeEntropy.fill(target);
  assert.notDeepEqual(target, new Uint8Array(64));
});

test('nodeEntropy never gives the same bytes twice', () => {
  const seen = new Set<string>();
  for (let n = 0; n < 2000; n++) {
    const target = new Uint8Array(8 + (n % 57));
    nodeEntropy.fill(target);
    seen.add(Buffer.from(target.subarray(0, 8)).toString('hex'));
  }
  assert.equal(seen.size, 2000);
});
