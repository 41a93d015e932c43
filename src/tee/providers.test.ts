import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { concatBytes, fromHex } from '../attest/bytes.ts';
import { type Cbor, decodeCbor, encodeCbor } from '../attest/cbor.ts';
import { verifySnp } from '../attest/snp/verify.ts';
import { nodeEntropy } from '../host/crypto.ts';
import { nodeTeeFiles } from '../host/tee-files.ts';
import { detectTees } from './detect.ts';
import { gramineProvider } from './gramine.ts';
import { nitroProvider } from './nitro.ts';
import { TeeError, type TeeErrorCode } from './provider.ts';
import { FakeTsm, type FakeTsmOptions } from './testing/fake-tsm.ts';
import { parseCertificateTable, tsmProvider } from './tsm.ts';

const VECTORS = new URL('../../test/vectors/attestation/', import.meta.url);
const vector = (name: string) => new Uint8Array(readFileSync(new URL(name, VECTORS)));
const reportData = new Uint8Array(64).fill(9);

const failsWith = (code: TeeErrorCode, action: () => unknown) =>
  assert.throws(action, (error: unknown) => error instanceof TeeError && error.code === code);

function tdx(options: Partial<FakeTsmOptions> = {}) {
  const quote = vector('dcap/phala-tdx-v4-b0c06f.bin');
  const fake = new FakeTsm({
    provider: 'tdx_guest',
    answer: (inblob) => ({ outblob: concatBytes(quote, inblob) }),
    ...options,
  });
  return { fake, provider: tsmProvider('tdx', { files: fake, entropy: nodeEntropy }) };
}

test('tdx: the quote for the report data is read, and the request directory is removed', () => {
  const { fake, provider } = tdx();
  using _ = fake;
  const { raw } = provider.quote(reportData);
  assert.deepEqual(raw.subarray(raw.length - 64), reportData);
  assert.deepEqual(fake.leftovers(), []);
});

test('tdx: a report that a stranger wrote into is asked for again', () => {
  const { fake, provider } = tdx({ strangerWrites: 2 });
  using _ = fake;
  assert.ok(provider.quote(reportData).raw.length > 0);
});

test('tdx: a stranger who never stops is an error, not a wrong report', () => {
  const { fake, provider } = tdx({ strangerWrites: 1000 });
  using _ = fake;
  failsWith('TEE_BUSY', () => provider.quote(reportData));
  assert.deepEqual(fake.leftovers(), []);
});

test('every error of the kernel has a word and leaves nothing behind', () => {
  const cases: readonly (readonly [Record<string, string>, TeeErrorCode])[] = [
    [{ mkdir: 'ENXIO' }, 'TEE_ABSENT'],
    [{ mkdir: 'EACCES' }, 'TEE_PERMISSION'],
    [{ 'read outblob': 'ETIMEDOUT' }, 'TEE_TIMEOUT'],
    [{ 'read outblob': 'EIO' }, 'TEE_FAILED'],
    [{ 'read outblob': 'EFBIG' }, 'TEE_UNSUPPORTED'],
    [{ 'write inblob': 'EBUSY' }, 'TEE_BUSY'],
    [{ 'write inblob': 'EINVAL' }, 'TEE_PROTOCOL'],
    [{ 'read provider': 'EWEIRD' }, 'TEE_FAILED'],
  ];
  for (const [faults, code] of cases) {
    const { fake, provider } = tdx({ faults });
    using _ = fake;
    failsWith(code, () => provider.quote(reportData));
    assert.deepEqual(fake.leftovers(), []);
  }
});

test('tdx: a CBOR Web Token, another TEE and no configfs are refused by name', () => {
  const big = tdx({ answer: () => ({ outblob: new Uint8Array(9000).fill(0xd2) }) });
  failsWith('TEE_UNSUPPORTED', () => big.provider.quote(reportData));
  const arm = tdx({ provider: 'arm_cca_guest' });
  failsWith('TEE_ABSENT', () => arm.provider.quote(reportData));
  const nowhere = tsmProvider('tdx', { files: nodeTeeFiles('/nonexistent'), entropy: nodeEntropy });
  failsWith('TEE_ABSENT', () => nowhere.quote(reportData));
  big.fake[Symbol.dispose]();
  arm.fake[Symbol.dispose]();
});

/** A certificate table with one entry a certificate (GHCB, 4.1.8.1). */
function certificateTable(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const head = new Uint8Array(24 * (entries.length + 1));
  let offset = head.length;
  for (const [i, [guid, certificate]] of entries.entries()) {
    head.set(fromHex(guid), 24 * i);
    const view = new DataView(head.buffer);
    view.setUint32(24 * i + 16, offset, true);
    view.setUint32(24 * i + 20, certificate.length, true);
    offset += certificate.length;
  }
  return concatBytes(head, ...entries.map(([, certificate]) => certificate));
}
const VCEK_MIXED = '8d75da6364e66445adc5f4b93be8accd';

test('snp: a real report with its host-given VCEK verifies', async () => {
  const auxblob = certificateTable([[VCEK_MIXED, vector('snp/ms-milan-v3.vcek.der')]]);
  using fake = new FakeTsm({
    provider: 'sev_guest',
    answer: () => ({ outblob: vector('snp/ms-milan-v3.report.bin'), auxblob }),
  });
  const provider = tsmProvider('snp', { files: fake, entropy: nodeEntropy, privlevel: 1 });
  const { raw, certificates } = provider.quote(reportData);
  const [endorsementKey, ...chain] = certificates;
  assert.ok(endorsementKey);
  const timeMs = Date.parse('2026-03-07T01:04:33Z');
  const verdict = await verifySnp({ report: raw, endorsementKey, chain, timeMs });
  assert.equal(verdict.ok, true);
});

test('snp: a hostile certificate table is refused', () => {
  const table = certificateTable([[VCEK_MIXED, new Uint8Array(10)]]);
  new DataView(table.buffer).setUint32(20, 0xfffffff0, true);
  failsWith('TEE_PROTOCOL', () => parseCertificateTable(table));
  assert.deepEqual(parseCertificateTable(new Uint8Array(0)), []);
  assert.deepEqual(parseCertificateTable(new Uint8Array(23)), []);
});

test('sgx: /dev/attestation gives the quote, or says why not', () => {
  const root = mkdtempSync(join(tmpdir(), 'fake-gramine-'));
  const at = (name: string) => join(root, 'dev/attestation', name);
  try {
    const provider = gramineProvider(nodeTeeFiles(root));
    failsWith('TEE_ABSENT', () => provider.quote(reportData));
    mkdirSync(join(root, 'dev/attestation'), { recursive: true });
    writeFileSync(at('attestation_type'), 'dcap\n');
    writeFileSync(at('user_report_data'), '');
    writeFileSync(at('quote'), vector('dcap/phala-sgx-v3-00a067.bin'));
    assert.deepEqual(provider.quote(reportData).raw, vector('dcap/phala-sgx-v3-00a067.bin'));
    assert.deepEqual(new Uint8Array(readFileSync(at('user_report_data'))), reportData);
    writeFileSync(at('attestation_type'), 'none');
    failsWith('TEE_UNSUPPORTED', () => provider.quote(reportData));
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('nitro: the request binds the report data, and every odd answer is an error', () => {
  const document = vector('nitro/veracruz-2022.cbor');
  let seen: Cbor;
  const answering = (answer: Cbor) =>
    nitroProvider({
      request(message) {
        seen = decodeCbor(message);
        return encodeCbor(answer);
      },
    });
  const good = answering(new Map([['Attestation', new Map([['document', document]])]]));
  assert.deepEqual(good.quote(reportData).raw, document);
  const fields = (seen as ReadonlyMap<string, Cbor>).get('Attestation');
  assert.deepEqual((fields as ReadonlyMap<string, Cbor>).get('user_data'), reportData);
  failsWith('TEE_FAILED', () => answering(new Map([['Error', 'InputTooLarge']])).quote(reportData));
  failsWith('TEE_PROTOCOL', () => answering(null).quote(reportData));
  const garbage = nitroProvider({ request: () => Uint8Array.of(0xff, 0xff) });
  failsWith('TEE_FAILED', () => garbage.quote(reportData));
  const dead = nitroProvider({
    request() {
      throw new Error('gone');
    },
  });
  failsWith('TEE_FAILED', () => dead.quote(reportData));
});

test('detectTees() finds nothing but sim on a bare machine, and says what is missing', () => {
  const findings = detectTees(nodeTeeFiles('/nonexistent'));
  const available = findings.filter((finding) => finding.available).map((f) => f.provider);
  assert.deepEqual(available, ['sim']);
  assert.ok(findings.every((finding) => finding.explanation.length > 10));
});
