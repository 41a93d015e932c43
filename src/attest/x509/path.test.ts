/** Names and revocation lists where RFC 5280 gives more room than vendors use. Forged authorities. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../bytes.ts';
import { Refusal } from '../errors.ts';
import { CA_EXTENSIONS, makeCertificate, makeCrl, makeKey, NOW_MS } from '../testing/forge.ts';
import type { Crl } from './crl.ts';
import { parseCrl } from './crl.ts';
import { TAG } from './der.ts';
import { der, objectIdentifier, sequence } from './der-writer.ts';
import { sameName } from './name.ts';
import { OID } from './oid.table.ts';
import { validatePath } from './path.ts';

const keys = { root: makeKey(), stranger: makeKey(), leaf: makeKey() };
const root = makeCertificate({
  subject: 'Good  Root ',
  issuer: 'Good  Root ',
  serial: 1,
  key: keys.root,
  signer: keys.root,
  extensions: CA_EXTENSIONS(0),
});

async function outcome(issuer: string, lists: readonly Uint8Array[]): Promise<string> {
  const leaf = makeCertificate({
    subject: 'end',
    issuer,
    serial: 5,
    key: keys.leaf,
    signer: keys.root,
    extensions: [],
  });
  const crls: readonly Crl[] = lists.map(parseCrl);
  const options = { intermediates: [], anchors: [root], timeMs: NOW_MS, crls };
  try {
    await validatePath(leaf, { ...options, revocation: 'required' });
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof Refusal);
    return error.code;
  }
}

const name = (tag: number, text: string, oid: string = OID.commonName) =>
  sequence(der(TAG.set, sequence(objectIdentifier(oid), der(tag, utf8(text)))));

test('names: case, blanks and the kind of string do not matter (RFC 5280, 7.1; PKITS 4.3.3 to 4.3.11)', () => {
  const [utf8String, printable, ia5] = [0x0c, 0x13, 0x16];
  assert.ok(sameName(name(printable, 'Good CA'), name(utf8String, ' good   ca ')));
  assert.ok(!sameName(name(printable, 'Good CA'), name(printable, 'GoodCA')));
  assert.ok(!sameName(name(printable, 'Good CA'), name(printable, 'Good CA', OID.keyUsage)));
  assert.ok(!sameName(name(ia5, 'Good CA'), name(ia5, 'good ca')));
  assert.ok(!sameName(name(ia5, 'Good CA'), name(printable, 'Good CA')));
  assert.ok(!sameName(name(printable, '[["x=y"]]'), name(printable, 'x')));
});

test('names: chains and CRLs are found by them', async () => {
  assert.equal(await outcome('good root', [makeCrl('GOOD ROOT', keys.root, [])]), 'ok');
  assert.equal(await outcome('good root', [makeCrl('Good Root', keys.root, [5])]), 'CERT_REVOKED');
  assert.equal(await outcome('goodroot', []), 'CHAIN_INCOMPLETE');
  const other = makeCrl('Goodroot', keys.root, []);
  assert.equal(await outcome('good root', [other]), 'CRL_MISSING');
});

test('two CRLs of one name: every good one counts, a bad one neither way (6.3.3; PKITS 4.4.7)', async () => {
  const good = makeCrl('Good Root', keys.root, []);
  const revoking = makeCrl('Good Root', keys.root, [5]);
  const forged = makeCrl('Good Root', keys.stranger, [5]);
  const harmless = makeCrl('Good Root', keys.stranger, []);
  assert.equal(await outcome('Good Root', [forged, good]), 'ok');
  assert.equal(await outcome('Good Root', [good, revoking]), 'CERT_REVOKED');
  assert.equal(await outcome('Good Root', [harmless, revoking]), 'CERT_REVOKED');
  assert.equal(await outcome('Good Root', [harmless]), 'CRL_BAD_SIGNATURE');
  assert.equal(await outcome('Good Root', [harmless, forged]), 'CRL_BAD_SIGNATURE');
  assert.equal(await outcome('Good Root', []), 'CRL_MISSING');
});
