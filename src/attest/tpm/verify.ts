/**
 * Verification of TPM 2.0 quotes: the key can sign nothing but what its TPM made, it signed this, and
 * the registers shown are those quoted. Whose TPM it is, is for the policy: it names the key.
 */

import { concatBytes, equalBytes } from '../bytes.ts';
import { runChecks, type Verdict } from '../checks.ts';
import { require } from '../errors.ts';
import { digest, type PublicKey, verifyEcdsa, verifyRsa } from '../webcrypto.ts';
import { TAG } from '../x509/der.ts';
import { bitString, der, objectIdentifier, sequence, unsigned } from '../x509/der-writer.ts';
import { OID } from '../x509/oid.table.ts';
import { parseTpmQuote, type TpmPublic, type TpmQuote } from './quote.ts';

const PLAN = {
  structure: ['the quote is well formed', 'TPM 2.0 Library, part 2, 10.12.8, 11.3.4, 12.2.4'],
  key: ['the key signs only what its TPM made, and cannot leave it', 'TPM 2.0, part 2, 8.3'],
  signature: ['the quote is signed by the key', 'TPM 2.0 Library, part 3, 18.4'],
  registers: ['the registers shown are those quoted', 'TPM 2.0 Library, part 2, 10.12.1'],
} as const;

/** TPMA_OBJECT (part 2, 8.3.3). */
const MUST = {
  fixedTPM: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  restricted: 1 << 16,
  sign: 1 << 18,
} as const;
const DECRYPT = 1 << 17;

export interface TpmClaims {
  readonly quote: TpmQuote;
  /** Name of the key (part 1, 16): algorithm and digest of its public area, attributes included. */
  readonly name: Uint8Array;
}

export function verifyTpm(bytes: Uint8Array): Promise<Verdict<TpmClaims>> {
  return runChecks(PLAN, async (checks) => {
    const quote = await checks.step('structure', () => parseTpmQuote(bytes));
    await checks.step('key', () => checkKey(quote));
    await checks.step('signature', async () => {
      const good = await isSigned(quote);
      require(good, 'QUOTE_BAD_SIGNATURE', 'the quote is not signed by this key');
    });
    const { attest, pcrBytes, pcrs, signature } = quote;
    if (pcrs.length === 0) checks.skip('registers', 'no registers are shown');
    else
      await checks.step('registers', async () => {
        // The digest has the algorithm of the signature's hash (part 3, 18.4.1).
        const shown = await digest(signature.hash, pcrBytes);
        require(equalBytes(shown, attest.pcrDigest), 'BINDING_MISMATCH', 'other registers quoted');
      });
    return { quote, name: await nameOf(quote.publicArea) };
  });
}

async function nameOf({ raw, nameHash, nameAlgorithm }: TpmPublic): Promise<Uint8Array> {
  const algorithm = Uint8Array.of(nameAlgorithm >> 8, nameAlgorithm & 0xff);
  return concatBytes(algorithm, await digest(nameHash, raw));
}

/** A key that is not restricted signs whatever the host likes, TPM_GENERATED included. */
function checkKey({ publicArea, signature }: TpmQuote): void {
  const { attributes, scheme, schemeHash } = publicArea;
  for (const [name, bit] of Object.entries(MUST))
    require((attributes & bit) !== 0, 'UNSUPPORTED_KEY', `the key lacks the attribute ${name}`);
  require((attributes & DECRYPT) === 0, 'UNSUPPORTED_KEY', 'the key decrypts, too');
  const isBound = scheme === signature.algorithm && schemeHash === signature.hash;
  require(isBound, 'UNSUPPORTED_SIGNATURE_ALGO', 'signed by another scheme than the key’s own');
}

async function isSigned({ publicArea, attest, signature }: TpmQuote): Promise<boolean> {
  const { scheme, hash, bytes } = signature;
  const { key } = publicArea;
  if (key.kind === 'ec') return verifyEcdsa(key, hash, attest.raw, bytes);
  const rsa: PublicKey = {
    ...{ kind: 'rsa', bits: key.modulus.length * 8, spki: rsaSpki(key.modulus, key.exponent) },
  };
  if (scheme === 'RSASSA-PKCS1-v1_5')
    return verifyRsa(rsa, { name: scheme }, hash, attest.raw, bytes);
  // Part 1, B.7: the salt is as long as the digest, or as long as it can be.
  const digestBytes = (await digest(hash)).length;
  for (const saltBytes of [digestBytes, key.modulus.length - digestBytes - 2])
    if (await verifyRsa(rsa, { name: 'RSA-PSS', saltBytes }, hash, attest.raw, bytes)) return true;
  return false;
}

/** SubjectPublicKeyInfo (RFC 3279, 2.3.1). */
function rsaSpki(modulus: Uint8Array, exponent: number): Uint8Array {
  const digits = new Uint8Array(4);
  new DataView(digits.buffer).setUint32(0, exponent);
  const key = sequence(unsigned(modulus), unsigned(digits));
  const algorithm = sequence(objectIdentifier(OID.rsaEncryption), der(TAG.null, new Uint8Array(0)));
  return sequence(algorithm, bitString(key));
}
