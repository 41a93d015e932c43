/** The small formats against the examples of their own specifications. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { fromBase64, fromHex, toBase64, toBase64Url, toHex, utf8 } from './bytes.ts';
import { CborTag, decodeCbor, encodeCbor, FOREIGN } from './cbor.ts';
import { cutSignedResponse } from './dcap/collateral.ts';
import { Refusal } from './errors.ts';
import { canonicalJson } from './jose/jcs.ts';
import { decryptJwe, encryptJwe, generateEphemeralKey } from './jose/jwe.ts';
import { jwkThumbprint, parseEcJwk } from './jose/jwk.ts';
import { parseJson } from './json.ts';
import { parsePolicy } from './policy.ts';
import { parseCertificate } from './x509/certificate.ts';
import { DerReader, TAG } from './x509/der.ts';
import { objectIdentifier, time, unsigned } from './x509/der-writer.ts';
import { checkSignedBy } from './x509/path.ts';
import { parsePem } from './x509/pem.ts';

const refused = (action: () => unknown) =>
  assert.throws(action, (error: unknown) => error instanceof Refusal);

test('CBOR: examples of RFC 8949, appendix A', () => {
  const examples: readonly (readonly [string, unknown])[] = [
    ['00', 0],
    ['1818', 24],
    ['1903e8', 1000],
    ['1b000000e8d4a51000', 1000000000000],
    ['1bffffffffffffffff', 18446744073709551615n],
    ['20', -1],
    ['3863', -100],
    ['f4', false],
    ['f6', null],
    ['f7', undefined],
    ['4401020304', Uint8Array.of(1, 2, 3, 4)],
    ['6449455446', 'IETF'],
    ['62c3bc', 'ü'],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    ['c11a514b67b0', new CborTag(1, 1363896240)],
  ];
  for (const [hex, value] of examples) {
    assert.deepEqual(decodeCbor(fromHex(hex)), value, hex);
    if (typeof value !== 'bigint') assert.equal(toHex(encodeCbor(value as never)), hex);
  }
});

test('CBOR: what must not be accepted is not', () => {
  const bad = [
    '1817',
    '190017',
    '5f42010243030405ff',
    '9fff',
    'a201020102',
    '62c328',
    '82',
    '8300',
    'f8ff',
    'fb3ff0000000000000',
    '0000',
    'a1820102',
    '1c',
    'ff',
  ];
  for (const hex of bad) refused(() => decodeCbor(fromHex(hex)));
});

test('CBOR: indefinite maps and long forms only where asked', () => {
  const indefinite = fromHex('bf61610161629f0203ffff');
  refused(() => decodeCbor(indefinite));
  assert.deepEqual(
    decodeCbor(indefinite, 'MALFORMED_CBOR', FOREIGN),
    new Map<string, unknown>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  );
  assert.equal(decodeCbor(fromHex('1b0000000000000001'), 'MALFORMED_CBOR', FOREIGN), 1);
});

test('DER: integers, lengths, OIDs and times are strict', () => {
  const read = (hex: string) => new DerReader(fromHex(hex), 'MALFORMED_CERT');
  assert.equal(read('020200ff').smallInteger(255), 255);
  refused(() => read('02020001').integer());
  refused(() => read('0202ff80').integer());
  refused(() => read('0200').integer());
  refused(() => read('0201ff').smallInteger(255));
  refused(() => read('308100').next());
  refused(() => read('30820001aa').next());
  refused(() => read('3080aa0000').next());
  refused(() => read('300201').next());
  refused(() => read('1f8101').next());
  refused(() => read('010101').boolean());
  assert.equal(read('06072a8648ce3d0201').oid(), '1.2.840.10045.2.1');
  refused(() => read('06022a80').oid());
  refused(() => read('06038001aa').oid());
  const utc = toHex(utf8('700101000000Z'));
  assert.equal(read(`170d${utc}`).timeMs(), 0);
  refused(() => read(`170d${toHex(utf8('700132000000Z'))}`).timeMs());
  refused(() => read(`170d${toHex(utf8('700230000000Z'))}`).timeMs());
  refused(() => read(`170d${toHex(utf8('70010100000+Z'))}`).timeMs());
});

test('DER: what the writer writes, the reader reads', () => {
  for (const ms of [
    0,
    Date.UTC(2049, 11, 31, 23, 59, 59),
    Date.UTC(2050, 0, 1),
    Date.UTC(9999, 11, 31),
  ])
    assert.equal(new DerReader(time(ms), 'MALFORMED_CERT').timeMs(), ms);
  for (const oid of ['1.2.840.113741.1.13.1', '2.23.133.5.4.9', '1.3.6.1.4.1.3704.1.3.8'])
    assert.equal(new DerReader(objectIdentifier(oid), 'MALFORMED_CERT').oid(), oid);
  const big = new DerReader(unsigned(fromHex('00ff00')), 'MALFORMED_CERT').next(TAG.integer);
  assert.equal(toHex(big.content), '00ff00');
});

test('certificates read as node:crypto reads them', () => {
  const folder = new URL('../../test/vectors/attestation/pkits/', import.meta.url);
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.crt'))) {
    const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
    const ours = parseCertificate(bytes);
    const theirs = new X509Certificate(bytes);
    assert.equal(ours.notAfterMs, Date.parse(theirs.validTo));
    assert.equal(ours.isCa, theirs.ca);
    assert.equal(
      toHex(ours.serial).replace(/^0+/, ''),
      theirs.serialNumber.toLowerCase().replace(/^0+/, ''),
    );
    const spki = theirs.publicKey.export({ format: 'der', type: 'spki' });
    assert.deepEqual(ours.spki, new Uint8Array(spki));
  }
});

test('the roots that Node.js ships read and verify, all but those signed with SHA-1', async () => {
  let good = 0;
  for (const text of rootCertificates) {
    const [der] = parsePem(text, 'CERTIFICATE');
    try {
      const certificate = parseCertificate(der as Uint8Array);
      await checkSignedBy(certificate, certificate);
      good++;
    } catch (error) {
      assert.match((error as Error).message, /1\.2\.840\.113549\.1\.1\.5 is not accepted/);
    }
  }
  assert.ok(good > 100 && good > 0.9 * rootCertificates.length, `${good}`);
});

test('base64: canonical only, both alphabets', () => {
  const bytes = fromHex('fbff00');
  assert.equal(toBase64(bytes), '+/8A');
  assert.equal(toBase64Url(bytes), '-_8A');
  assert.deepEqual(fromBase64('AA=='), Uint8Array.of(0));
  for (const bad of ['AB==', 'A', 'AA', 'AA=A', 'A A=', 'AAA-']) refused(() => fromBase64(bad));
});

test('JSON: a signed member is cut out as it stands; doubles are refused', () => {
  const text = '{ "tcbInfo" : { "a" :1,  "b":"}" } ,"signature":"00ff"}';
  assert.deepEqual(cutSignedResponse(text, 'tcbInfo'), {
    text: '{ "a" :1,  "b":"}" }',
    signature: Uint8Array.of(0, 255),
  });
  refused(() => parseJson('{"a":1,"a":2}', 'MALFORMED_JSON'));
  refused(() => parseJson('[1,]', 'MALFORMED_JSON'));
  refused(() => parseJson('01', 'MALFORMED_JSON'));
  assert.deepEqual(parseJson(' {"a":[true,null,-1.5e3,"\\u00e9"]} ', 'MALFORMED_JSON'), {
    a: [true, null, -1500, 'é'],
  });
});

test('JCS: members in order of UTF-16 code units, no blanks (RFC 8785, section 3.2.3)', () => {
  const value = parseJson('{"b":[1, {"z":null,"a":"\\u20ac"}], "a":true, "B":0}', 'MALFORMED_JSON');
  assert.equal(canonicalJson(value), '{"B":0,"a":true,"b":[1,{"a":"€","z":null}]}');
});

test('JWK thumbprint and JWE round trip; a changed header does not open', async () => {
  const key = await generateEphemeralKey();
  assert.equal((await jwkThumbprint(parseEcJwk({ ...key.jwk }))).length, 43);
  const jwe = await encryptJwe(utf8('text'), key.jwk, { a: 1 });
  const opened = await decryptJwe(JSON.stringify(jwe), key);
  assert.equal(new TextDecoder().decode(opened.plaintext), 'text');
  assert.equal(opened.header.integer('a', 9), 1);
  const other = await encryptJwe(utf8('text'), key.jwk, { a: 2 });
  const mixed = JSON.stringify({ ...jwe, protected: other.protected });
  await assert.rejects(decryptJwe(mixed, key), /changed on the way/);
});

test('policies: hexadecimal is text, unknown keys and aliases are errors, defaults are strict', () => {
  const base = 'format: cloister-policy/1\nproviders: {nitro: {pcrs: {0: [PCR]}}}\nimages: any\n';
  const digits = '1'.repeat(96);
  const policy = parsePolicy(base.replace('PCR', digits));
  assert.deepEqual(policy.providers.nitro?.pcrs, { 0: [digits] });
  assert.equal(policy.providers.nitro?.allowDebug, false);
  assert.equal(policy.providers.sim, undefined);
  refused(() => parsePolicy(base.replace('PCR', '12')));
  refused(() => parsePolicy(`${base}surprise: 1\n`));
  refused(() => parsePolicy('format: cloister-policy/1\nproviders: &p {sim: }\nimages: *p\n'));
  refused(() => parsePolicy('format: cloister-policy/1\nproviders: {tdx: {statuses: [Fine]}}\n'));
  refused(() =>
    parsePolicy('format: cloister-policy/1\nproviders: {tdx: {tolerateAdvisories: [any]}}\n'),
  );
});
