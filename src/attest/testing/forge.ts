/**
 * A small Intel of our own: root, PCK CA, PCK, TCB signing key, revocation lists, TCB info, QE
 * identity and quotes, all under a test root. Real vectors cannot be revoked or re-signed; these can.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { concatBytes, fromHex, toHex, utf8 } from '../bytes.ts';
import type { DcapCollateral } from '../dcap/collateral.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { contextTag, TAG } from '../x509/der.ts';
import { bitString, der, objectIdentifier, sequence, time, unsigned } from '../x509/der-writer.ts';
import { OID } from '../x509/oid.table.ts';

export const NOW_MS = Date.UTC(2026, 0, 15);
const DAY_MS = 86_400_000;
const FMSPC = '00aa11bb22cc';
const QE_SIGNER = 'ab'.repeat(32);
const SEAM_SIGNER = 'cd'.repeat(48);

export interface Key {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
  /** x ‖ y. */
  readonly point: Uint8Array;
}

export function makeKey(namedCurve: 'P-256' | 'P-384' = 'P-256'): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  return { privateKey, spki, point: spki.slice(namedCurve === 'P-256' ? -64 : -96) };
}

export const signFixed = (key: Key, message: Uint8Array): Uint8Array =>
  new Uint8Array(sign('sha256', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }));
const signDer = (key: Key, message: Uint8Array): Uint8Array =>
  new Uint8Array(sign('sha256', message, key.privateKey));

const ALGORITHM = sequence(objectIdentifier(OID.ecdsaSha256));
const nameOf = (text: string): Uint8Array =>
  sequence(der(TAG.set, sequence(objectIdentifier(OID.commonName), der(0x0c, utf8(text)))));
export const extension = (oid: string, value: Uint8Array, critical = false): Uint8Array =>
  sequence(
    objectIdentifier(oid),
    ...(critical ? [der(TAG.boolean, Uint8Array.of(0xff))] : []),
    der(TAG.octetString, value),
  );
export const CA_EXTENSIONS = (pathLength: number): Uint8Array[] => [
  extension(
    OID.basicConstraints,
    sequence(der(TAG.boolean, Uint8Array.of(0xff)), unsigned(Uint8Array.of(pathLength))),
    true,
  ),
  extension(OID.keyUsage, der(TAG.bitString, Uint8Array.of(1, 0x06)), true),
];

/** Key usage of an end certificate: digitalSignature. */
export const MAY_SIGN = extension(OID.keyUsage, der(TAG.bitString, Uint8Array.of(7, 0x80)));

export interface CertificateShape {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: number;
  readonly key: Key;
  readonly signer: Key;
  readonly extensions: readonly Uint8Array[];
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

export function makeCertificate(shape: CertificateShape): Certificate {
  const tbs = sequence(
    der(contextTag(0), unsigned(Uint8Array.of(2))),
    unsigned(Uint8Array.of(shape.serial)),
    ALGORITHM,
    nameOf(shape.issuer),
    sequence(
      time(shape.notBeforeMs ?? NOW_MS - 100 * DAY_MS),
      time(shape.notAfterMs ?? NOW_MS + 100 * DAY_MS),
    ),
    nameOf(shape.subject),
    shape.key.spki,
    der(contextTag(3), sequence(...shape.extensions)),
  );
  return parseCertificate(sequence(tbs, ALGORITHM, bitString(signDer(shape.signer, tbs))));
}

export function makeCrl(issuer: string, signer: Key, revoked: readonly number[]): Uint8Array {
  const entries = revoked.map((serial) =>
    sequence(unsigned(Uint8Array.of(serial)), time(NOW_MS - DAY_MS)),
  );
  const tbs = sequence(
    unsigned(Uint8Array.of(1)),
    ALGORITHM,
    nameOf(issuer),
    time(NOW_MS - DAY_MS),
    time(NOW_MS + DAY_MS),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
  );
  return sequence(tbs, ALGORITHM, bitString(signDer(signer, tbs)));
}

/** The SGX extension of a PCK certificate with all sixteen SVNs equal. */
function pckExtension(svn: number, pceSvn: number): Uint8Array {
  const base = OID.sgxExtensions;
  const pair = (suffix: string, value: Uint8Array) =>
    sequence(objectIdentifier(`${base}.${suffix}`), value);
  const octets = (hex: string) => der(TAG.octetString, fromHex(hex));
  const number = (value: number) => unsigned(Uint8Array.of(value));
  const components = Array.from({ length: 16 }, (_, i) => pair(`2.${i + 1}`, number(svn)));
  const tcb = sequence(
    ...components,
    pair('2.17', number(pceSvn)),
    pair('2.18', octets(toHex(new Uint8Array(16).fill(svn)))),
  );
  return extension(
    base,
    sequence(
      pair('1', octets('11'.repeat(16))),
      pair('2', tcb),
      pair('3', octets('0000')),
      pair('4', octets(FMSPC)),
      pair('5', der(TAG.enumerated, Uint8Array.of(0))),
    ),
  );
}

const pem = (...certificates: readonly Certificate[]): string =>
  certificates
    .map(({ raw }) => {
      const body = Buffer.from(raw).toString('base64').replace(/.{64}/g, '$&\n');
      return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
    })
    .join('');

const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

export interface ForgeOptions {
  readonly svn?: number;
  readonly statuses?: readonly string[];
  readonly revokedByRoot?: readonly number[];
  readonly revokedByCa?: readonly number[];
  readonly tcbInfo?: Readonly<Record<string, unknown>>;
  readonly qeIdentity?: Readonly<Record<string, unknown>>;
  readonly tcbSigningUntilMs?: number;
}

export const SERIAL = { root: 1, ca: 2, pck: 3, tcbSigning: 4 } as const;
const NAME = { root: 'Intel SGX Root CA', ca: 'Intel SGX PCK Platform CA' } as const;

/** Keys and certificates of one forged vendor, and the collateral that it serves. */
export class Forge {
  readonly keys = { root: makeKey(), ca: makeKey(), pck: makeKey(), tcb: makeKey(), ak: makeKey() };
  readonly root: Certificate;
  readonly ca: Certificate;
  readonly pck: Certificate;
  readonly tcbSigning: Certificate;
  readonly #options: ForgeOptions;

  constructor(options: ForgeOptions = {}) {
    this.#options = options;
    const { root, ca, pck, tcb } = this.keys;
    const issued = { issuer: NAME.root, signer: root };
    this.root = makeCertificate({
      ...issued,
      subject: NAME.root,
      serial: SERIAL.root,
      key: root,
      extensions: CA_EXTENSIONS(1),
    });
    this.ca = makeCertificate({
      ...issued,
      subject: NAME.ca,
      serial: SERIAL.ca,
      key: ca,
      extensions: CA_EXTENSIONS(0),
    });
    this.pck = makeCertificate({
      subject: 'Intel SGX PCK Certificate',
      issuer: NAME.ca,
      serial: SERIAL.pck,
      key: pck,
      signer: ca,
      extensions: [pckExtension(options.svn ?? 9, 5)],
    });
    this.tcbSigning = makeCertificate({
      ...issued,
      subject: 'Intel SGX TCB Signing',
      serial: SERIAL.tcbSigning,
      key: tcb,
      extensions: [extension(OID.keyUsage, der(TAG.bitString, Uint8Array.of(7, 0x80)), true)],
      ...(options.tcbSigningUntilMs ? { notAfterMs: options.tcbSigningUntilMs } : {}),
    });
  }

  collateral(change: Partial<DcapCollateral> = {}): DcapCollateral {
    const { root, ca, tcb } = this.keys;
    const { revokedByRoot = [], revokedByCa = [] } = this.#options;
    const tcbInfo = JSON.stringify(this.#tcbInfo());
    const qeIdentity = JSON.stringify(this.#qeIdentity());
    const issuerChain = pem(this.tcbSigning, this.root);
    return {
      tcbInfo,
      tcbInfoSignature: signFixed(tcb, utf8(tcbInfo)),
      tcbInfoIssuerChain: issuerChain,
      qeIdentity,
      qeIdentitySignature: signFixed(tcb, utf8(qeIdentity)),
      qeIdentityIssuerChain: issuerChain,
      rootCaCrl: makeCrl(NAME.root, root, revokedByRoot),
      pckCrl: makeCrl(NAME.ca, ca, revokedByCa),
      pckCrlIssuerChain: undefined,
      pckCertificateChain: undefined,
      ...change,
    };
  }

  #period() {
    return { issueDate: iso(NOW_MS - DAY_MS), nextUpdate: iso(NOW_MS + DAY_MS) };
  }

  /** Levels at SVN 9, 8, 7 … with the statuses given, TDX components equal. */
  #tcbInfo() {
    const { statuses = ['UpToDate', 'OutOfDate'] } = this.#options;
    const components = (svn: number) => new Array(16).fill({ svn });
    return {
      id: 'TDX',
      version: 3,
      ...this.#period(),
      fmspc: FMSPC.toUpperCase(),
      pceId: '0000',
      tcbType: 0,
      tcbEvaluationDataNumber: 18,
      tdxModule: {
        mrsigner: SEAM_SIGNER,
        attributes: '00'.repeat(8),
        attributesMask: 'ff'.repeat(8),
      },
      tcbLevels: statuses.map((tcbStatus, i) => ({
        tcb: { sgxtcbcomponents: components(1), pcesvn: 5, tdxtcbcomponents: components(9 - i) },
        tcbDate: iso(NOW_MS - (i + 1) * 365 * DAY_MS),
        tcbStatus,
      })),
      ...this.#options.tcbInfo,
    };
  }

  #qeIdentity() {
    return {
      id: 'TD_QE',
      version: 2,
      ...this.#period(),
      tcbEvaluationDataNumber: 18,
      miscselect: '00000000',
      miscselectMask: 'FFFFFFFF',
      attributes: '11'.padEnd(32, '0'),
      attributesMask: 'FB'.padEnd(32, 'F'),
      mrsigner: QE_SIGNER,
      isvprodid: 2,
      tcbLevels: [
        { tcb: { isvsvn: 4 }, tcbDate: iso(NOW_MS - DAY_MS), tcbStatus: 'UpToDate' },
        { tcb: { isvsvn: 1 }, tcbDate: iso(NOW_MS - 900 * DAY_MS), tcbStatus: 'OutOfDate' },
      ],
      ...this.#options.qeIdentity,
    };
  }

  /** A TDX 1.5 quote, version 5, by the forged platform. */
  quote(shape: QuoteShape = {}): Uint8Array {
    const { pck, ak } = this.keys;
    const u16 = (n: number) => Uint8Array.of(n & 255, n >> 8);
    const u32 = (n: number) => concatBytes(u16(n & 0xffff), u16(n >>> 16));
    const header = concatBytes(
      u16(5),
      u16(2),
      u32(0x81),
      u32(0),
      fromHex('939a7233f79c4ca9940a0db3957f0607'),
      new Uint8Array(20),
    );
    const svn = (value: number) => new Uint8Array(16).fill(value, 2);
    // The module is of version 0 here, so bytes 0 and 1 count as components, too.
    const full = (value: number) => svn(value).fill(value, 0, 1);
    const body = concatBytes(
      full(shape.launchSvn ?? 9).fill(0, 1, 2),
      new Uint8Array(48),
      fromHex(shape.seamSigner ?? SEAM_SIGNER),
      new Uint8Array(8).fill(shape.seamAttributes ?? 0),
      Uint8Array.of(shape.debug ? 1 : 0, 0, 0, 0x10, 0, 0, 0, 0),
      new Uint8Array(8 + 48 * 8),
      new Uint8Array(64).fill(7),
      full(shape.currentSvn ?? 9).fill(0, 1, 2),
      new Uint8Array(48),
      shape.extended ?? new Uint8Array(0),
    );
    const signed = concatBytes(header, u16(shape.extended ? 4 : 3), u32(body.length), body);
    const authData = new Uint8Array(32).fill(1);
    const bound = createHash('sha256').update(ak.point).update(authData).digest();
    const qe = new Uint8Array(384);
    qe.set(fromHex('11'), 48);
    qe.set(fromHex(shape.qeSigner ?? QE_SIGNER), 128);
    qe.set(u16(2), 256);
    qe.set(u16(shape.qeSvn ?? 4), 258);
    qe.set(bound, 320);
    const chain = utf8(shape.chain ?? pem(this.pck, this.ca, this.root));
    const inner = concatBytes(
      qe,
      signFixed(pck, qe),
      u16(32),
      authData,
      u16(shape.certificationType ?? 5),
      u32(chain.length),
      chain,
    );
    const data = concatBytes(signFixed(ak, signed), ak.point, u16(6), u32(inner.length), inner);
    return concatBytes(signed, u32(data.length), data);
  }

  chain(...certificates: readonly Certificate[]): string {
    return pem(...certificates);
  }
}

export interface QuoteShape {
  readonly launchSvn?: number;
  readonly currentSvn?: number;
  readonly debug?: boolean;
  readonly qeSvn?: number;
  readonly qeSigner?: string;
  readonly seamSigner?: string;
  readonly seamAttributes?: number;
  readonly chain?: string;
  /** The 237 bytes that make the body one of type 4. */
  readonly extended?: Uint8Array;
  readonly certificationType?: number;
}
