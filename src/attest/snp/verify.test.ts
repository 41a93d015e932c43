/** Endorsement keys that AMD never gives out: each wrong in one thing. Forged root. */
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import { concatBytes, utf8 } from '../bytes.ts';
import {
  CA_EXTENSIONS,
  extension,
  makeCertificate,
  makeCrl,
  makeKey,
  NOW_MS,
} from '../testing/forge.ts';
import { TAG } from '../x509/der.ts';
import { der, unsigned } from '../x509/der-writer.ts';
import { OID } from '../x509/oid.table.ts';
import { verifySnp } from './verify.ts';

const keys = { ark: makeKey('P-384'), ask: makeKey('P-384'), key: makeKey('P-384') };
const ark = makeCertificate({
  subject: 'ARK-Milan',
  issuer: 'ARK-Milan',
  serial: 1,
  key: keys.ark,
  signer: keys.ark,
  extensions: CA_EXTENSIONS(1),
});
const authority = (subject: string) =>
  makeCertificate({
    subject,
    issuer: 'ARK-Milan',
    serial: 2,
    key: keys.ask,
    signer: keys.ark,
    extensions: CA_EXTENSIONS(0),
  });

const CHIP = new Uint8Array(64).fill(0xc1);
const ia5 = (text: string) => der(0x16, utf8(text));
const EXTENSIONS = {
  product: extension(OID.amdProductName, ia5('Milan-B0')),
  levels: concatBytes(
    extension(OID.amdBootloader, unsigned(Uint8Array.of(3))),
    extension(OID.amdTee, unsigned(Uint8Array.of(0))),
    extension(OID.amdSnp, unsigned(Uint8Array.of(8))),
    extension(OID.amdMicrocode, unsigned(Uint8Array.of(115))),
  ),
  chip: extension(OID.amdHardwareId, CHIP),
  wrappedChip: extension(OID.amdHardwareId, der(TAG.octetString, CHIP)),
  oddChip: extension(OID.amdHardwareId, der(TAG.bitString, CHIP)),
  shortChip: extension(OID.amdHardwareId, CHIP.subarray(1)),
  csp: extension(OID.amdCspId, ia5('CN=cloud.example')),
  oddCsp: extension(OID.amdCspId, der(0x0c, utf8('CN=cloud.example'))),
};
type Part = keyof typeof EXTENSIONS;

interface Attempt {
  readonly parts: readonly Part[];
  readonly kind?: 'vcek' | 'vlek';
  readonly chipId?: Uint8Array;
  readonly crl?: Uint8Array;
}

async function outcome({ parts, kind = 'vcek', chipId = CHIP, crl }: Attempt): Promise<string> {
  const issuer = kind === 'vlek' ? 'SEV-VLEK-Milan' : 'SEV-Milan';
  const endorsement = makeCertificate({
    subject: `SEV-${kind.toUpperCase()}`,
    issuer,
    serial: 3,
    key: keys.key,
    signer: keys.ask,
    extensions: (['product', 'levels', ...parts] as const).map((part) => EXTENSIONS[part]),
  });
  const report = new Uint8Array(0x4a0);
  report[0] = 2;
  report[0x0a] = 2; // policy bit 17
  report[0x34] = 1;
  report[0x48] = kind === 'vlek' ? 4 : 0;
  report.set([3, 0, 0, 0, 0, 0, 8, 115], 0x180);
  report.set(chipId, 0x1a0);
  const signature = sign('sha384', report.subarray(0, 0x2a0), {
    key: keys.key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  report.set(signature.subarray(0, 48).reverse(), 0x2a0);
  report.set(signature.subarray(48).reverse(), 0x2a0 + 72);
  const verdict = await verifySnp({
    report,
    endorsementKey: endorsement.raw,
    chain: [authority(issuer).raw],
    roots: [ark],
    timeMs: NOW_MS,
    ...(crl ? { crl } : {}),
  });
  if (verdict.ok) {
    // A list ends before any certificate does.
    const listUntilMs = NOW_MS + 86_400_000;
    assert.equal(verdict.claims.keyUntilMs, crl ? listUntilMs : endorsement.notAfterMs);
  }
  return verdict.ok ? (verdict.claims.cspId ?? 'ok') : verdict.error;
}

test('a VCEK names its chip, a VLEK its provider, none both (57230, 3.1; 58369)', async () => {
  assert.equal(await outcome({ parts: ['chip'] }), 'ok');
  assert.equal(await outcome({ kind: 'vlek', parts: ['csp'] }), 'CN=cloud.example');
  assert.equal(await outcome({ parts: [] }), 'CERT_WRONG_TYPE');
  assert.equal(await outcome({ parts: ['csp'] }), 'CERT_WRONG_TYPE');
  assert.equal(await outcome({ parts: ['chip', 'csp'] }), 'CERT_WRONG_TYPE');
  assert.equal(await outcome({ kind: 'vlek', parts: [] }), 'CERT_WRONG_TYPE');
  assert.equal(await outcome({ kind: 'vlek', parts: ['chip'] }), 'CERT_WRONG_TYPE');
  assert.equal(await outcome({ kind: 'vlek', parts: ['chip', 'csp'] }), 'CERT_WRONG_TYPE');
  assert.equal(await outcome({ kind: 'vlek', parts: ['oddCsp'] }), 'MALFORMED_CERT');
});

test('the chip: masked or the one of the certificate (56860, 7.3: CHIP_ID)', async () => {
  assert.equal(await outcome({ parts: ['chip'], chipId: new Uint8Array(64) }), 'ok');
  assert.equal(
    await outcome({ parts: ['chip'], chipId: CHIP.map((b) => b ^ 1) }),
    'CHIP_ID_MISMATCH',
  );
  assert.equal(await outcome({ kind: 'vlek', parts: ['csp'], chipId: CHIP }), 'CN=cloud.example');
  assert.equal(await outcome({ parts: ['wrappedChip'] }), 'ok');
  assert.equal(
    await outcome({ parts: ['wrappedChip'], chipId: CHIP.map((b) => b ^ 1) }),
    'CHIP_ID_MISMATCH',
  );
  assert.equal(await outcome({ parts: ['oddChip'] }), 'MALFORMED_CERT');
  assert.equal(await outcome({ parts: ['shortChip'] }), 'CHIP_ID_MISMATCH');
});

test('a CRL must be of an authority above the key, or it says nothing (RFC 5280, 6.3.3)', async () => {
  const parts = ['chip'] as const;
  const { ark: root, ask } = keys;
  assert.equal(await outcome({ parts, crl: makeCrl('ARK-Milan', root, []) }), 'ok');
  assert.equal(await outcome({ parts, crl: makeCrl('ARK-Milan', root, [2]) }), 'CERT_REVOKED');
  assert.equal(await outcome({ parts, crl: makeCrl('SEV-Milan', ask, [3]) }), 'CERT_REVOKED');
  assert.equal(await outcome({ parts, crl: makeCrl('ARK-Milan', ask, []) }), 'CRL_BAD_SIGNATURE');
  const genoa = makeCrl('ARK-Genoa', root, []);
  assert.equal(await outcome({ parts, crl: genoa }), 'CRL_ISSUER_MISMATCH');
});
