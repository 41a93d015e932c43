/**
 * AWS Nitro attestation documents (aws-nitro-enclaves-nsm-api, `docs/attestation_process.md`,
 * sections 2.2 and 3.2.2): COSE_Sign1 (RFC 9052, section 4.2) around a CBOR map.
 *
 * Measured on real documents, against the text: absent optional fields stand as explicit null; the
 * payload may be an indefinite-length map; user_data may be empty; more than 16 PCRs may be locked.
 */
import { type Cbor, type CborMap, CborTag, decodeCbor, encodeCbor, FOREIGN } from '../cbor.ts';
import { Refusal, require } from '../errors.ts';

const COSE_SIGN1_TAG = 18;
const ES384 = -35;
const MAXIMUM_DOCUMENT = 32 * 1024;
const MAXIMUM_OPTIONAL = 1024;
const MAXIMUM_CERTIFICATE = 1024;

export interface NitroDocument {
  readonly moduleId: string;
  readonly timestampMs: number;
  /** Register number → value of 32, 48 or 64 bytes. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly certificate: Uint8Array;
  /** Root first, issuer of `certificate` last. */
  readonly cabundle: readonly Uint8Array[];
  readonly publicKey: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
  /** The Sig_structure that was signed (RFC 9052, section 4.4). */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** COSE_Sign1 taken apart: header algorithm checked, payload still bytes. */
function parseSign1(bytes: Uint8Array) {
  const outer = decodeCbor(bytes, 'MALFORMED_DOCUMENT');
  const code = 'MALFORMED_DOCUMENT';
  const array = outer instanceof CborTag && outer.tag === COSE_SIGN1_TAG ? outer.value : outer;
  require(Array.isArray(array) && array.length === 4, code, 'not a COSE_Sign1 array of four');
  const [protectedHeader, unprotected, payload, signature] = array as readonly Cbor[];
  require(protectedHeader instanceof Uint8Array, code, 'protected header is not bytes');
  require(unprotected instanceof Map, code, 'unprotected header is not a map');
  // RFC 9052, section 3: nothing here reads the unprotected header, so nothing may stand in it.
  require(unprotected.size === 0, code, 'unprotected header is not empty');
  require(payload instanceof Uint8Array, code, 'payload is not bytes');
  require(signature instanceof Uint8Array, code, 'signature is not bytes');
  const header = decodeCbor(protectedHeader, code);
  require(header instanceof Map && header.size === 1, code, 'protected header is not {1: alg}');
  require(header.get(1) === ES384, 'COSE_ALG', `algorithm ${String(header.get(1))}, not ES384`);
  require(signature.length === 96, 'COSE_BAD_SIGNATURE', `signature of ${signature.length} bytes`);
  const empty = new Uint8Array(0);
  const signed = encodeCbor(['Signature1', protectedHeader, empty, payload]);
  return { payload, signature, signed };
}

export function parseNitroDocument(bytes: Uint8Array): NitroDocument {
  if (bytes.length > MAXIMUM_DOCUMENT)
    throw new Refusal('MALFORMED_DOCUMENT', 'document too large');
  const { payload, signature, signed } = parseSign1(bytes);
  const code = 'MALFORMED_PAYLOAD';
  const map = decodeCbor(payload, code, FOREIGN);
  require(map instanceof Map, code, 'payload is not a map');
  const moduleId = map.get('module_id');
  require(typeof moduleId === 'string' && moduleId.length > 0, code, 'module_id is not text');
  require(map.get('digest') === 'SHA384', code, 'digest is not SHA384');
  const timestampMs = map.get('timestamp');
  require(typeof timestampMs === 'number' && timestampMs > 0, code, 'timestamp is not a number');
  const certificate = sized(map.get('certificate'), 1, MAXIMUM_CERTIFICATE, 'certificate');
  const bundle = map.get('cabundle');
  require(Array.isArray(bundle), code, 'cabundle is not a list');
  require(bundle.length >= 1 && bundle.length <= 8, code, 'cabundle is empty or too long');
  return {
    moduleId,
    timestampMs,
    pcrs: parsePcrs(map),
    certificate,
    cabundle: bundle.map((der: Cbor) => sized(der, 1, MAXIMUM_CERTIFICATE, 'cabundle')),
    publicKey: optional(map, 'public_key'),
    userData: optional(map, 'user_data'),
    nonce: optional(map, 'nonce'),
    signed,
    signature,
  };
}

function sized(value: Cbor, least: number, most: number, name: string): Uint8Array {
  require(value instanceof Uint8Array, 'MALFORMED_PAYLOAD', `${name} is not bytes`);
  const fits = value.length >= least && value.length <= most;
  require(fits, 'MALFORMED_PAYLOAD', `${name} has ${value.length} bytes`);
  return value;
}

function optional(map: CborMap, name: string): Uint8Array | undefined {
  const value = map.get(name) ?? undefined;
  return value === undefined ? undefined : sized(value, 0, MAXIMUM_OPTIONAL, name);
}

function parsePcrs(map: CborMap): Map<number, Uint8Array> {
  const code = 'MALFORMED_PAYLOAD';
  const raw = map.get('pcrs');
  require(raw instanceof Map &&
    raw.size >= 1 &&
    raw.size <= 32, code, 'pcrs is not a map of 1 to 32');
  const pcrs = new Map<number, Uint8Array>();
  for (const [index, value] of raw as CborMap) {
    require(typeof index === 'number' && index >= 0 && index < 32, code, 'PCR number out of range');
    const bytes = sized(value, 32, 64, `PCR${index}`);
    require(bytes.length % 16 === 0, code, `PCR${index} has ${bytes.length} bytes`);
    pcrs.set(index, bytes);
  }
  return pcrs;
}
