/**
 * Collateral of DCAP quotes: what Intel's PCS or a PCCS serves (PCS API v4), as one bundle. The
 * signed JSON texts stay exactly as they were served.
 */
import { fromHex } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';
import { isObject, Members, parseJson, parseJsonObject } from '../json.ts';

export interface DcapCollateral {
  /** Exact text of `tcbInfo`, and its signature (r ‖ s). */
  readonly tcbInfo: string;
  readonly tcbInfoSignature: Uint8Array;
  /** PEM: TCB signing certificate, root. */
  readonly tcbInfoIssuerChain: string;
  readonly qeIdentity: string;
  readonly qeIdentitySignature: Uint8Array;
  readonly qeIdentityIssuerChain: string;
  /** DER or PEM. Absent lists are warned of; whether that is enough is the policy's decision. */
  readonly rootCaCrl: Uint8Array | undefined;
  readonly pckCrl: Uint8Array | undefined;
  readonly pckCrlIssuerChain: string | undefined;
  /** PEM chain of the PCK certificate, for quotes that carry none. */
  readonly pckCertificateChain: string | undefined;
}

const CODE = 'MALFORMED_COLLATERAL';

/**
 * Reads a bundle as verifiers exchange it (`tcb_info`, `tcb_info_signature`, …; signatures and
 * CRLs in hexadecimal). `null` and absence mean the same.
 */
export function parseDcapCollateral(text: string): DcapCollateral {
  const top = parseJson(text, CODE);
  require(isObject(top), CODE, 'collateral is not an object');
  const members = new Members(top, CODE, 'collateral');
  const optional = (name: string) =>
    (members.raw(name) ?? null) === null ? undefined : members.string(name);
  const hex = (name: string) => {
    const value = optional(name);
    return value === undefined ? undefined : fromHex(value, CODE);
  };
  const signature = (name: string) => fromHex(members.string(name), CODE);
  return {
    tcbInfo: members.string('tcb_info'),
    tcbInfoSignature: signature('tcb_info_signature'),
    tcbInfoIssuerChain: members.string('tcb_info_issuer_chain'),
    qeIdentity: members.string('qe_identity'),
    qeIdentitySignature: signature('qe_identity_signature'),
    qeIdentityIssuerChain: members.string('qe_identity_issuer_chain'),
    rootCaCrl: hex('root_ca_crl'),
    pckCrl: hex('pck_crl'),
    pckCrlIssuerChain: optional('pck_crl_issuer_chain'),
    pckCertificateChain: optional('pck_certificate_chain'),
  };
}

/**
 * Takes a PCS response (`{"tcbInfo":{…},"signature":"…"}` or `enclaveIdentity`) apart without
 * rewriting it: the signature is over the exact text of the member.
 */
export function cutSignedResponse(
  response: string,
  member: 'tcbInfo' | 'enclaveIdentity',
): { readonly text: string; readonly signature: Uint8Array } {
  const sliced = parseJsonObject(response, CODE);
  const text = sliced.textOf(member);
  if (text === undefined) throw new Refusal(CODE, `response without ${member}`);
  const signature = new Members(sliced.value, CODE, 'response').string('signature');
  return { text, signature: fromHex(signature, CODE) };
}
