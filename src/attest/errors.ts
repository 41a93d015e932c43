/**
 * Why evidence, collateral or a certificate was refused. Every parser and verifier of this room
 * refuses with one of these words; the word names the class, the message says what was wrong.
 */

/** The closed list of refusal words. They are part of the public interface: add, never rename. */
export const REFUSAL_CODES = [
  // Structure
  'MALFORMED_EVIDENCE',
  'MALFORMED_QUOTE',
  'MALFORMED_REPORT',
  'MALFORMED_DOCUMENT',
  'MALFORMED_PAYLOAD',
  'MALFORMED_CERT',
  'MALFORMED_CRL',
  'MALFORMED_PEM',
  'MALFORMED_CBOR',
  'MALFORMED_JSON',
  'MALFORMED_COLLATERAL',
  'MALFORMED_TCB_INFO',
  'MALFORMED_QE_IDENTITY',
  'MALFORMED_POLICY',
  'MALFORMED_MESSAGE',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_SIGNATURE_ALGO',
  'UNSUPPORTED_KEY',
  'UNSUPPORTED_CERTIFICATION_DATA',
  'UNSUPPORTED_EVIDENCE',
  'COSE_ALG',
  // Certificates and revocation
  'UNTRUSTED_ROOT',
  'CHAIN_INCOMPLETE',
  'CERT_BAD_SIGNATURE',
  'CERT_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_NOT_CA',
  'CERT_PATH_LENGTH',
  'CERT_KEY_USAGE',
  'CERT_CRITICAL_EXTENSION',
  'CERT_ISSUER_MISMATCH',
  'CERT_REVOKED',
  'CERT_WRONG_TYPE',
  'CRL_MISSING',
  'CRL_BAD_SIGNATURE',
  'CRL_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_ISSUER_MISMATCH',
  // Collateral
  'COLLATERAL_MISSING',
  'TCB_INFO_BAD_SIGNATURE',
  'TCB_INFO_EXPIRED',
  'TCB_INFO_NOT_YET_VALID',
  'TCB_INFO_MISMATCH',
  'QE_IDENTITY_BAD_SIGNATURE',
  'QE_IDENTITY_EXPIRED',
  'QE_IDENTITY_NOT_YET_VALID',
  'QE_IDENTITY_MISMATCH',
  'FMSPC_MISMATCH',
  'PCEID_MISMATCH',
  // Evidence
  'QE_REPORT_BAD_SIGNATURE',
  'QE_REPORT_DATA_MISMATCH',
  'QUOTE_BAD_SIGNATURE',
  'REPORT_BAD_SIGNATURE',
  'COSE_BAD_SIGNATURE',
  'SIM_BAD_SIGNATURE',
  'TDX_MODULE_MISMATCH',
  'TCB_NOT_SUPPORTED',
  'TCB_MISMATCH',
  'CHIP_ID_MISMATCH',
  'PRODUCT_MISMATCH',
  'BINDING_MISMATCH',
  'NONCE_MISMATCH',
  // Policy
  'POLICY_PROVIDER',
  'POLICY_MEASUREMENT',
  'POLICY_SIGNER',
  'POLICY_TCB',
  'POLICY_ADVISORY',
  'POLICY_DEBUG',
  'POLICY_AGE',
  'POLICY_PLATFORM',
  'POLICY_REVOCATION',
  'POLICY_VERSION',
  'POLICY_CONFIGURATION',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/**
 * Bytes or facts that were refused. Parsers throw it, verifiers turn it into a failed check; it
 * never leaves `verify()` as an exception.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Throws {@link Refusal} unless `condition` holds. */
export function require(condition: unknown, code: RefusalCode, message: string): asserts condition {
  if (!condition) throw new Refusal(code, message);
}
