/** Which platform a quote claims to come from, so that its collateral can be looked up. Unverified. */
import { fromUtf8 } from '../bytes.ts';
import { Refusal } from '../errors.ts';
import { parsePemChain } from '../x509/pem.ts';
import { parsePckExtension } from './pck.ts';
import { parseQuote } from './quote.ts';

export interface ClaimedPlatform {
  readonly tee: 'SGX' | 'TDX';
  readonly fmspc: string;
  /** Common name of the PCK's issuer: names the CRL. */
  readonly ca: string;
}

/** Undefined for what is no quote, or for quotes without a PCK certificate inside. */
export function platformOf(quoteBytes: Uint8Array): ClaimedPlatform | undefined {
  try {
    const quote = parseQuote(quoteBytes);
    if (quote.certificationData.kind !== 'pem-chain') return undefined;
    const pem = fromUtf8(quote.certificationData.text, 'MALFORMED_PEM').replace(/\0$/, '');
    const leaf = parsePemChain(pem).find((certificate) => !certificate.isCa);
    if (!leaf) return undefined;
    const { fmspc } = parsePckExtension(leaf);
    return { tee: quote.body.kind === 'tdx' ? 'TDX' : 'SGX', fmspc, ca: leaf.issuerCommonName };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
