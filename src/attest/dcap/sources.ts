/**
 * What a DCAP verification trusts besides the quote: PCK chains, revocation lists, TCB info and QE
 * identity, with their signatures checked once and remembered. Nothing here looks at the time: the
 * caller checks every period of validity at each use.
 *
 * Owner: one `DcapVerifier`. Collateral is remembered as long as its object lives, chains in a table
 * of bounded size.
 */
import { equalBytes, fromUtf8, toHex } from '../bytes.ts';
import { Refusal, type RefusalCode, require } from '../errors.ts';
import { verifyEcdsa } from '../webcrypto.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { checkCrlSignature, validatePath } from '../x509/path.ts';
import { parseAnyCrl, parsePemChain } from '../x509/pem.ts';
import type { DcapCollateral } from './collateral.ts';
import type { Quote } from './quote.ts';
import { parseQeIdentity, parseTcbInfo, type QeIdentity, type TcbInfo } from './tcb-info.ts';

/** A signed text that was checked, with the path of its signer (signer first, root last). */
export interface Signed<T> {
  readonly path: readonly Certificate[];
  readonly value: T;
}

const MAXIMUM_CHAINS = 256;

export class TrustedSources {
  readonly #roots: readonly Certificate[];
  readonly #chains = new Map<string, Promise<readonly Certificate[]>>();
  readonly #collateral = new WeakMap<DcapCollateral, Map<string, Promise<unknown>>>();

  constructor(roots: readonly Certificate[]) {
    this.#roots = roots;
  }

  /** One piece of `collateral`, checked at most once. A refusal is remembered like a success. */
  #once<T>(collateral: DcapCollateral, piece: string, make: () => Promise<T>): Promise<T> {
    let pieces = this.#collateral.get(collateral);
    if (!pieces) {
      pieces = new Map();
      this.#collateral.set(collateral, pieces);
    }
    const known = pieces.get(piece) as Promise<T> | undefined;
    if (known) return known;
    const made = make();
    pieces.set(piece, made);
    return made;
  }

  /** The PCK chain of a quote: leaf, CA, root. */
  pckPath(quote: Quote, chainOutside: string | undefined): Promise<readonly Certificate[]> {
    const text = chainOutside ?? chainInQuote(quote);
    const known = this.#chains.get(text);
    if (known) return known;
    const made = this.#checkPckChain(text);
    if (this.#chains.size >= MAXIMUM_CHAINS) {
      const oldest = this.#chains.keys().next().value;
      if (oldest !== undefined) this.#chains.delete(oldest);
    }
    this.#chains.set(text, made);
    return made;
  }

  async #checkPckChain(text: string): Promise<readonly Certificate[]> {
    const path = await this.#path(text);
    const leaf = path[0] as Certificate;
    require(path.length === 3, 'CERT_PATH_LENGTH', 'a PCK chain has three certificates');
    // QVL 4.1.2.5.5
    require(leaf.subjectCommonName.includes(
      'SGX PCK Certificate',
    ), 'CERT_WRONG_TYPE', `"${leaf.subjectCommonName}" is not a PCK certificate`);
    return path;
  }

  /** A presented chain must be the whole path and nothing else, so that no byte of it goes unread. */
  async #path(pem: string): Promise<readonly Certificate[]> {
    const chain = parsePemChain(pem);
    const leaf = chain.find((certificate) => !certificate.isCa);
    require(leaf, 'CERT_WRONG_TYPE', 'no end certificate in the chain');
    const path = await validatePath(leaf, {
      intermediates: chain,
      anchors: this.#roots,
      timeMs: undefined,
      revocation: 'none',
    });
    // QVL compares names as they are encoded, where RFC 5280 lets case and blanks differ.
    for (const [i, certificate] of path.slice(0, -1).entries())
      requireSameBytes(certificate.issuer, path[i + 1] as Certificate, 'CHAIN_INCOMPLETE');
    const used = chain.every((certificate) => path.includes(certificate));
    require(used, 'UNTRUSTED_ROOT', 'the chain has certificates that lead nowhere');
    return path;
  }

  /** A revocation list of the collateral, signed by `issuer`. */
  crl(
    collateral: DcapCollateral,
    which: 'rootCaCrl' | 'pckCrl',
    issuer: Certificate,
  ): Promise<Crl> {
    return this.#once(collateral, `${which} ${toHex(issuer.spki)}`, async () => {
      const bytes = collateral[which];
      if (!bytes) throw new Refusal('CRL_MISSING', `collateral without ${which}`);
      const crl = parseAnyCrl(bytes);
      // 4.1.2.5.7
      requireSameBytes(crl.issuer, issuer, 'CRL_ISSUER_MISMATCH');
      await checkCrlSignature(crl, issuer);
      return crl;
    });
  }

  tcbInfo(collateral: DcapCollateral): Promise<Signed<TcbInfo>> {
    return this.#once(collateral, 'tcbInfo', async () => {
      const { tcbInfo, tcbInfoSignature, tcbInfoIssuerChain } = collateral;
      const bad = 'TCB_INFO_BAD_SIGNATURE';
      const path = await this.#signer(tcbInfoIssuerChain, tcbInfo, tcbInfoSignature, bad);
      return { path, value: parseTcbInfo(tcbInfo) };
    });
  }

  qeIdentity(collateral: DcapCollateral): Promise<Signed<QeIdentity>> {
    return this.#once(collateral, 'qeIdentity', async () => {
      const { qeIdentity, qeIdentitySignature, qeIdentityIssuerChain } = collateral;
      const bad = 'QE_IDENTITY_BAD_SIGNATURE';
      const path = await this.#signer(qeIdentityIssuerChain, qeIdentity, qeIdentitySignature, bad);
      return { path, value: parseQeIdentity(qeIdentity) };
    });
  }

  /** Checks the signature over the exact `text`; answers the signer's path. */
  async #signer(
    chain: string,
    text: string,
    signature: Uint8Array,
    bad: RefusalCode,
  ): Promise<readonly Certificate[]> {
    const path = await this.#path(chain);
    const leaf = path[0] as Certificate;
    require(path.length === 2 &&
      leaf.subjectCommonName.includes(
        'SGX TCB Signing',
      ), 'CERT_WRONG_TYPE', `"${leaf.subjectCommonName}" is not a TCB signing certificate`);
    const bytes = new TextEncoder().encode(text);
    const good = await verifyEcdsa(leaf.publicKey, 'SHA-256', bytes, signature);
    require(good, bad, 'the signature does not match the text');
    return path;
  }
}

/** QVL takes the PCK chain as an argument: one given by the caller goes before the quote's own. */
function chainInQuote(quote: Quote): string {
  const { certificationData } = quote;
  if (certificationData.kind === 'pem-chain') {
    const { text } = certificationData;
    // Quoting libraries write a C string and may count its NUL.
    const end = text[text.length - 1] === 0 ? text.length - 1 : text.length;
    return fromUtf8(text.subarray(0, end), 'MALFORMED_PEM');
  }
  const message = 'neither the quote nor the collateral has a PCK certificate';
  throw new Refusal('COLLATERAL_MISSING', message);
}

function requireSameBytes(name: Uint8Array, issuer: Certificate, code: RefusalCode): void {
  require(equalBytes(name, issuer.subject), code, `not issued by "${issuer.subjectCommonName}"`);
}
