/**
 * Collateral from a PCCS-compatible caching service (Intel PCS API v4; PCCS adds `rootcacrl`), through
 * a cache. How bytes are fetched is the caller's: this room reaches no network. What comes back is not
 * trusted: every piece is signed, and verified with the quote.
 */
import { fromHex } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';
import type { Evidence } from '../evidence.ts';
import { parseCrl } from '../x509/crl.ts';
import { cutSignedResponse, type DcapCollateral } from './collateral.ts';
import { type ClaimedPlatform, platformOf } from './platform.ts';
import { parseQeIdentity, parseTcbInfo } from './tcb-info.ts';

export interface FetchedResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
/** Fetches a path such as `/sgx/certification/v4/tcb?fmspc=…` from the service. */
export type PccsFetch = (path: string) => Promise<FetchedResponse>;

const CODE = 'MALFORMED_COLLATERAL';

async function get(fetch: PccsFetch, path: string): Promise<FetchedResponse> {
  const response = await fetch(path);
  require(response.status === 200, 'COLLATERAL_MISSING', `${path} gave status ${response.status}`);
  return response;
}

/** Issuer chains come URL-encoded in headers, under names that changed between API versions. */
function chainOf(response: FetchedResponse, ...names: readonly string[]): string {
  const found = names.map((name) => response.headers[name]).find((value) => value !== undefined);
  require(found !== undefined, CODE, `response without ${names[0]}`);
  try {
    return decodeURIComponent(found);
  } catch (cause) {
    throw new Refusal(CODE, `${names[0]} is not URL-encoded`, { cause });
  }
}

const textOf = (response: FetchedResponse): string => new TextDecoder().decode(response.body);

/** PCCS serves the root CRL as hexadecimal text, Intel as DER. */
function derOf({ body }: FetchedResponse): Uint8Array {
  return body[0] === 0x30 && body[1] !== undefined && body[1] > 0x7f
    ? body
    : fromHex(new TextDecoder().decode(body).trim(), CODE);
}

export async function fetchCollateral(
  fetch: PccsFetch,
  platform: ClaimedPlatform,
): Promise<DcapCollateral> {
  const tee = platform.tee.toLowerCase();
  const ca = /Platform CA/.test(platform.ca) ? 'platform' : 'processor';
  const [tcb, qe, pckCrl, rootCrl] = await Promise.all([
    get(fetch, `/${tee}/certification/v4/tcb?fmspc=${platform.fmspc}`),
    get(fetch, `/${tee}/certification/v4/qe/identity`),
    get(fetch, `/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`),
    get(fetch, '/sgx/certification/v4/rootcacrl'),
  ]);
  const info = cutSignedResponse(textOf(tcb), 'tcbInfo');
  const identity = cutSignedResponse(textOf(qe), 'enclaveIdentity');
  return {
    tcbInfo: info.text,
    tcbInfoSignature: info.signature,
    tcbInfoIssuerChain: chainOf(tcb, 'tcb-info-issuer-chain', 'sgx-tcb-info-issuer-chain'),
    qeIdentity: identity.text,
    qeIdentitySignature: identity.signature,
    qeIdentityIssuerChain: chainOf(qe, 'sgx-enclave-identity-issuer-chain'),
    rootCaCrl: derOf(rootCrl),
    pckCrl: derOf(pckCrl),
    pckCrlIssuerChain: chainOf(pckCrl, 'sgx-pck-crl-issuer-chain'),
    pckCertificateChain: undefined,
  };
}

interface Entry {
  readonly collateral: DcapCollateral;
  readonly fetchedMs: number;
  readonly untilMs: number;
}

const MAXIMUM_PLATFORMS = 64;
const REFRESH_MS = 6 * 3_600_000;

/** When the first piece of it ends; only a hint for refreshing, since nothing is verified here. */
function endOf(collateral: DcapCollateral): number {
  const lists = [collateral.rootCaCrl, collateral.pckCrl].flatMap((crl) =>
    crl ? [parseCrl(crl)] : [],
  );
  return Math.min(
    parseTcbInfo(collateral.tcbInfo).nextUpdateMs,
    parseQeIdentity(collateral.qeIdentity).nextUpdateMs,
    ...lists.map((crl) => crl.nextUpdateMs),
  );
}

/**
 * Collateral by platform: fetched when unknown, refreshed every six hours, and used to its end when
 * the service does not answer. The same object is given out as long as nothing new was fetched, so
 * that a verifier's cache holds.
 */
export class CollateralCache {
  readonly #fetch: PccsFetch;
  readonly #entries = new Map<string, Entry>();

  constructor(fetch: PccsFetch) {
    this.#fetch = fetch;
  }

  /** Undefined for evidence that needs none; refuses when there is none to be had. */
  async forEvidence(evidence: Evidence, nowMs: number): Promise<DcapCollateral | undefined> {
    if (evidence.provider !== 'tdx' && evidence.provider !== 'sgx') return undefined;
    const platform = platformOf(evidence.raw);
    if (!platform) return undefined;
    const key = `${platform.tee} ${platform.fmspc} ${platform.ca}`;
    const known = this.#entries.get(key);
    if (known && nowMs - known.fetchedMs < REFRESH_MS && nowMs < known.untilMs)
      return known.collateral;
    try {
      const collateral = await fetchCollateral(this.#fetch, platform);
      this.#remember(key, { collateral, fetchedMs: nowMs, untilMs: endOf(collateral) });
      return collateral;
    } catch (error) {
      if (known && nowMs < known.untilMs) return known.collateral;
      throw error;
    }
  }

  #remember(key: string, entry: Entry): void {
    // Evidence of made-up platforms must not fill memory: the oldest goes first.
    this.#entries.delete(key);
    if (this.#entries.size >= MAXIMUM_PLATFORMS) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, entry);
  }
}
