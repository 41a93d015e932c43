/**
 * Evidence of the `sim` provider (docs/formats/evidence.md): built like a real TEE's, so that it
 * takes the same path through verifier and policy, but signed with a key that lies on the host. It
 * says so in its first bytes. It protects against nobody who controls the machine.
 *
 * 416 bytes, little endian, fields in the order of {@link encodeSimReport}. A root key vouches for an attestation key, which
 * signs everything before the signature; both are Ed25519.
 */
import { concatBytes, equalBytes, isZero, Reader, utf8 } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';

/** First bytes of every simulated report. */
export const SIM_MAGIC = utf8('CLOISTER-SIM-NOT-SECURE\0');
const KEY_DOMAIN = utf8('cloister.sim.attestation-key.v1\0');
const VERSION = 1;
export const SIM_REPORT_BYTES = 416;
const SIGNED_BYTES = 352;
const FLAG_DEBUG = 1;

export interface SimReport {
  readonly debug: boolean;
  /** The host's clock when the report was made. */
  readonly timestampMs: number;
  /** Stands for a firmware level, so that policies over levels can be tried out. */
  readonly svn: number;
  readonly platformId: Uint8Array;
  /** SHA-384 of what the simulated hardware was started with. */
  readonly launchMeasurement: Uint8Array;
  readonly reportData: Uint8Array;
  readonly attestationKey: Uint8Array;
  readonly rootKey: Uint8Array;
  /** The root's signature over platform and attestation key. */
  readonly keySignature: Uint8Array;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** What the root signs to vouch for an attestation key. */
export function keyStatement(platformId: Uint8Array, attestationKey: Uint8Array): Uint8Array {
  return concatBytes(KEY_DOMAIN, platformId, attestationKey);
}

export type SimBody = Omit<SimReport, 'signed' | 'signature'>;

/** The report over `body`, signed by `sign` (the attestation key's Ed25519). */
export function encodeSimReport(
  body: SimBody,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const head = new Uint8Array(24);
  const view = new DataView(head.buffer);
  view.setUint16(0, VERSION, true);
  view.setUint32(4, body.debug ? FLAG_DEBUG : 0, true);
  view.setBigUint64(8, BigInt(body.timestampMs), true);
  view.setUint32(16, body.svn, true);
  const signed = concatBytes(
    SIM_MAGIC,
    head,
    body.platformId,
    body.launchMeasurement,
    body.reportData,
    body.attestationKey,
    body.rootKey,
    body.keySignature,
    new Uint8Array(32),
  );
  require(signed.length === SIGNED_BYTES, 'MALFORMED_REPORT', 'field of wrong size');
  return concatBytes(signed, sign(signed));
}

export function parseSimReport(bytes: Uint8Array): SimReport {
  const reader = new Reader(bytes, 'MALFORMED_REPORT');
  if (bytes.length !== SIM_REPORT_BYTES) reader.fail(`${bytes.length} bytes`);
  if (!equalBytes(reader.take(24), SIM_MAGIC)) reader.fail('not a simulated report');
  const version = reader.u16();
  if (version !== VERSION)
    throw new Refusal('UNSUPPORTED_VERSION', `sim report version ${version}`);
  if (reader.u16() !== 0) reader.fail('reserved field is not zero');
  const flags = reader.u32();
  if ((flags & ~FLAG_DEBUG) !== 0) reader.fail('unknown flag');
  const timestampMs = Number(reader.u64());
  if (!Number.isSafeInteger(timestampMs)) reader.fail('timestamp out of range');
  const svn = reader.u32();
  if (reader.u32() !== 0) reader.fail('reserved field is not zero');
  const report = {
    debug: (flags & FLAG_DEBUG) !== 0,
    timestampMs,
    svn,
    platformId: reader.take(32),
    launchMeasurement: reader.take(48),
    reportData: reader.take(64),
    attestationKey: reader.take(32),
    rootKey: reader.take(32),
    keySignature: reader.take(64),
  };
  if (!isZero(reader.take(32))) reader.fail('reserved field is not zero');
  return { ...report, signed: bytes.subarray(0, SIGNED_BYTES), signature: reader.take(64) };
}
