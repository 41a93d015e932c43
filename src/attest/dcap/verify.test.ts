/** What real vectors cannot show: revocation, wrong roots, relaunch, other enclaves. Forged vendor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Forge,
  type ForgeOptions,
  makeCrl,
  makeKey,
  NOW_MS,
  type QuoteShape,
  SERIAL,
} from '../testing/forge.ts';
import type { DcapCollateral } from './collateral.ts';
import { parseQuote } from './quote.ts';
import { DcapVerifier } from './verify.ts';

const DAY_MS = 86_400_000;

interface Attempt {
  readonly forge?: Forge;
  readonly options?: ForgeOptions;
  readonly shape?: QuoteShape;
  readonly collateral?: Partial<DcapCollateral>;
  readonly timeMs?: number;
  readonly underIntel?: boolean;
}

// Components are bytes 0 to 15 of TEE_TCB_SVN here; byte 1 is the module's version, 0 in the forge, so
// the level's second component must be 0, too.
const levels = (...statuses: readonly string[]): ForgeOptions => ({
  tcbInfo: {
    tcbLevels: statuses.map((tcbStatus, i) => ({
      tcb: {
        sgxtcbcomponents: new Array(16).fill({ svn: 1 }),
        pcesvn: 5,
        tdxtcbcomponents: Array.from({ length: 16 }, (_, k) => ({ svn: k === 1 ? 0 : 9 - i })),
      },
      tcbDate: '2025-01-01T00:00:00Z',
      tcbStatus,
    })),
  },
});
const FINE = levels('UpToDate', 'OutOfDate');

async function outcome(attempt: Attempt): Promise<string> {
  const forge = attempt.forge ?? new Forge({ ...FINE, ...attempt.options });
  const verifier = attempt.underIntel ? new DcapVerifier() : new DcapVerifier([forge.root]);
  const verdict = await verifier.verify({
    quote: forge.quote(attempt.shape),
    collateral: forge.collateral(attempt.collateral),
    timeMs: attempt.timeMs ?? NOW_MS,
  });
  return verdict.ok ? verdict.claims.status : verdict.error;
}

test('a forged vendor verifies under its own root and never under Intel’s', async () => {
  assert.equal(await outcome({}), 'UpToDate');
  // Same names as Intel's: only the pinned certificate tells them apart.
  assert.equal(await outcome({ underIntel: true }), 'UNTRUSTED_ROOT');
  const forge = new Forge(FINE);
  const rootless = forge.chain(forge.pck, forge.ca);
  assert.equal(
    await outcome({ forge, shape: { chain: rootless }, underIntel: true }),
    'CHAIN_INCOMPLETE',
  );
});

test('revoked: PCK by its CA, CA by the root, TCB signer by the root', async () => {
  assert.equal(await outcome({ options: { revokedByCa: [SERIAL.pck] } }), 'CERT_REVOKED');
  assert.equal(await outcome({ options: { revokedByRoot: [SERIAL.ca] } }), 'CERT_REVOKED');
  assert.equal(await outcome({ options: { revokedByRoot: [SERIAL.tcbSigning] } }), 'CERT_REVOKED');
  assert.equal(await outcome({ options: { revokedByCa: [77], revokedByRoot: [78] } }), 'UpToDate');
});

test('a CRL with the right name under another key, or of the wrong CA, is refused', async () => {
  const stranger = makeKey();
  const pckCrl = makeCrl('Intel SGX PCK Platform CA', stranger, []);
  assert.equal(await outcome({ collateral: { pckCrl } }), 'CRL_BAD_SIGNATURE');
  const forge = new Forge(FINE);
  const other = makeCrl('Intel SGX PCK Processor CA', forge.keys.ca, []);
  assert.equal(await outcome({ forge, collateral: { pckCrl: other } }), 'CRL_ISSUER_MISMATCH');
  // QVL 4.1.2.5.7: the very bytes of the name, where RFC 5280 would take another case.
  const cased = makeCrl('INTEL SGX PCK Platform CA', forge.keys.ca, []);
  assert.equal(await outcome({ forge, collateral: { pckCrl: cased } }), 'CRL_ISSUER_MISMATCH');
  const swapped = makeCrl('Intel SGX Root CA', stranger, []);
  assert.equal(await outcome({ collateral: { rootCaCrl: swapped } }), 'CRL_BAD_SIGNATURE');
});

test('time: each piece of collateral has its own period', async () => {
  assert.equal(await outcome({ timeMs: NOW_MS + 2 * DAY_MS }), 'CRL_EXPIRED');
  assert.equal(await outcome({ timeMs: NOW_MS - 2 * DAY_MS }), 'CRL_NOT_YET_VALID');
  assert.equal(await outcome({ timeMs: NOW_MS + 200 * DAY_MS }), 'CERT_EXPIRED');
  assert.equal(await outcome({ timeMs: Number.NaN }), 'CERT_NOT_YET_VALID');
  const old = { nextUpdate: '2026-01-14T00:00:00Z', issueDate: '2026-01-01T00:00:00Z' };
  const early = { nextUpdate: '2027-01-14T00:00:00Z', issueDate: '2026-01-16T00:00:00Z' };
  const tcbInfo = (period: object) => ({ tcbInfo: { ...FINE.tcbInfo, ...period } });
  assert.equal(await outcome({ options: tcbInfo(old) }), 'TCB_INFO_EXPIRED');
  assert.equal(await outcome({ options: tcbInfo(early) }), 'TCB_INFO_NOT_YET_VALID');
  assert.equal(await outcome({ options: { qeIdentity: old } }), 'QE_IDENTITY_EXPIRED');
  assert.equal(await outcome({ options: { qeIdentity: early } }), 'QE_IDENTITY_NOT_YET_VALID');
});

test('roles: a PCK may not sign TCB info, nor the TCB signer a quote', async () => {
  const forge = new Forge(FINE);
  const asTcb = forge.chain(forge.pck, forge.ca, forge.root);
  assert.equal(
    await outcome({ forge, collateral: { tcbInfoIssuerChain: asTcb } }),
    'CERT_WRONG_TYPE',
  );
  const asPck = forge.chain(forge.tcbSigning, forge.root);
  assert.equal(await outcome({ forge, shape: { chain: asPck } }), 'CERT_PATH_LENGTH');
});

test('the TDX module: another signer and set attributes are refused', async () => {
  assert.equal(await outcome({ shape: { seamSigner: '00'.repeat(48) } }), 'TDX_MODULE_MISMATCH');
  assert.equal(await outcome({ shape: { seamAttributes: 1 } }), 'TDX_MODULE_MISMATCH');
});

test('the quoting enclave: another signer is refused, an old one makes the platform old', async () => {
  assert.equal(await outcome({ shape: { qeSigner: '00'.repeat(32) } }), 'QE_IDENTITY_MISMATCH');
  assert.equal(await outcome({ shape: { qeSvn: 2 } }), 'OutOfDate');
  assert.equal(await outcome({ shape: { qeSvn: 0 } }), 'TCB_NOT_SUPPORTED');
  assert.equal(await outcome({ options: { qeIdentity: { id: 'QE' } } }), 'QE_IDENTITY_MISMATCH');
});

test('collateral about something else: TEE, platform, PCE, type, status words', async () => {
  const changed = (change: object) => ({ options: { tcbInfo: { ...FINE.tcbInfo, ...change } } });
  assert.equal(await outcome(changed({ id: 'SGX' })), 'TCB_INFO_MISMATCH');
  assert.equal(await outcome(changed({ fmspc: '000000000000' })), 'FMSPC_MISMATCH');
  assert.equal(await outcome(changed({ pceId: '0001' })), 'PCEID_MISMATCH');
  assert.equal(await outcome(changed({ tcbType: 1 })), 'MALFORMED_TCB_INFO');
  assert.equal(await outcome(changed({ version: 4 })), 'UNSUPPORTED_VERSION');
  assert.equal(await outcome({ options: levels('Splendid') }), 'MALFORMED_COLLATERAL');
});

test('TDX 1.5: launched old, running new: relaunch is advised', async () => {
  const three = levels('UpToDate', 'SWHardeningNeeded', 'OutOfDate');
  const status = (launchSvn: number, currentSvn: number) =>
    outcome({ options: three, shape: { launchSvn, currentSvn } });
  assert.equal(await status(9, 9), 'UpToDate');
  assert.equal(await status(7, 9), 'TDRelaunchAdvised');
  assert.equal(await status(7, 8), 'TDRelaunchAdvised');
  assert.equal(await status(7, 7), 'OutOfDate');
  assert.equal(await status(9, 7), 'UpToDate');
  assert.equal(await status(6, 9), 'TCB_NOT_SUPPORTED');
  assert.equal(await status(9, 6), 'TCB_NOT_SUPPORTED');
  assert.equal(await outcome({ options: levels('Revoked') }), 'Revoked');
});

test('one verifier gives the same answers again, good and bad, and at other times', async () => {
  const forge = new Forge(FINE);
  const verifier = new DcapVerifier([forge.root]);
  const collateral = forge.collateral();
  const bad = forge.collateral({ tcbInfoSignature: new Uint8Array(64).fill(1) });
  const quote = forge.quote();
  const ask = async (which: DcapCollateral, timeMs = NOW_MS) => {
    const verdict = await verifier.verify({ quote, collateral: which, timeMs });
    return verdict.ok ? verdict.claims.status : verdict.error;
  };
  for (let i = 0; i < 2; i++) {
    assert.equal(await ask(collateral), 'UpToDate');
    assert.equal(await ask(bad), 'TCB_INFO_BAD_SIGNATURE');
    assert.equal(await ask(collateral, NOW_MS + 2 * DAY_MS), 'CRL_EXPIRED');
  }
});

test('body type 4 (TD report 1.5 ex): 885 bytes, all signed, judged like TD 1.5', async () => {
  const extended = Uint8Array.from({ length: 885 - 648 }, (_, i) => i);
  const fields = parseQuote(new Forge(FINE).quote({ extended })).body;
  assert.ok(fields.kind === 'tdx' && fields.report.extended);
  // sgx_quote_5.h, sgx_report2_body_v1_5_ex_t: offsets after byte 648.
  const { vmId, tdId, initTeeFmspc, currentServiceTdAttributes } = fields.report.extended;
  assert.equal(vmId, 0);
  assert.deepEqual(tdId, extended.subarray(1, 33));
  assert.deepEqual(initTeeFmspc, extended.subarray(169, 181));
  assert.deepEqual(currentServiceTdAttributes, extended.subarray(229));
  assert.equal(await outcome({ shape: { extended } }), 'UpToDate');
  const three = levels('UpToDate', 'SWHardeningNeeded', 'OutOfDate');
  const launchedOld = { extended, launchSvn: 7 };
  assert.equal(await outcome({ options: three, shape: launchedOld }), 'TDRelaunchAdvised');
  const short = extended.subarray(1);
  assert.equal(await outcome({ shape: { extended: short } }), 'MALFORMED_QUOTE');

  const forge = new Forge(FINE);
  const quote = forge.quote({ extended });
  quote[54 + 648 + 40] = (quote[54 + 648 + 40] ?? 0) ^ 1;
  const verifier = new DcapVerifier([forge.root]);
  const verdict = await verifier.verify({
    quote,
    collateral: forge.collateral(),
    timeMs: NOW_MS,
  });
  assert.equal(verdict.ok ? 'ok' : verdict.error, 'QUOTE_BAD_SIGNATURE');
});

test('certification data 1 to 4 (QVL 4.1.2.5.3): the chain comes from outside, or there is none', async () => {
  for (const certificationType of [1, 2, 3, 4]) {
    const forge = new Forge(FINE);
    const shape = { certificationType, chain: 'whatever' };
    assert.equal(await outcome({ forge, shape }), 'COLLATERAL_MISSING');
    const pckCertificateChain = forge.chain(forge.pck, forge.ca, forge.root);
    assert.equal(await outcome({ forge, shape, collateral: { pckCertificateChain } }), 'UpToDate');
  }
  for (const certificationType of [0, 6, 7])
    assert.equal(await outcome({ shape: { certificationType } }), 'UNSUPPORTED_CERTIFICATION_DATA');
});

test('revocation lists may be PEM, as version 3.0 of the collateral has them', async () => {
  const forge = new Forge({ ...FINE, revokedByCa: [SERIAL.pck] });
  const der = forge.collateral().pckCrl;
  assert.ok(der);
  const block = `-----BEGIN X509 CRL-----\n${Buffer.from(der).toString('base64')}\n-----END X509 CRL-----\n`;
  const given = (text: string) => ({ pckCrl: new Uint8Array(Buffer.from(text)) });
  assert.equal(await outcome({ forge, collateral: given(block) }), 'CERT_REVOKED');
  // A second list would be read by nobody.
  assert.equal(await outcome({ forge, collateral: given(block + block) }), 'MALFORMED_CRL');
  assert.equal(await outcome({ forge, collateral: given('') }), 'MALFORMED_CRL');
});

test('a verdict holds until the first thing ends, the TCB signing certificate among them', async () => {
  const until = async (options: ForgeOptions) => {
    const forge = new Forge({ ...FINE, ...options });
    const verdict = await new DcapVerifier([forge.root]).verify({
      quote: forge.quote(),
      collateral: forge.collateral(),
      timeMs: NOW_MS,
    });
    return verdict.ok ? verdict.claims.collateralUntilMs : Number.NaN;
  };
  assert.equal(await until({}), NOW_MS + DAY_MS, 'the lists');
  assert.equal(await until({ tcbSigningUntilMs: NOW_MS + 1000 }), NOW_MS + 1000);
});
