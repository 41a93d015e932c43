/**
 * Freshness receipts: a broker's signature over the last commit of a volume. With the challenge
 * inside, it shows that the commit was the last one when asked; without the broker's key nobody can
 * make one, and it verifies offline. Layout: docs/formats/broker.md.
 */
import { concatBytes, fromBase64, Reader, toBase64, utf8 } from './bytes.ts';
import { require } from './errors.ts';
import { Members, parseJson } from './json.ts';
import { verifyEd25519 } from './webcrypto.ts';

const DOMAIN = utf8('cloister.freshness.v1\0');
const CODE = 'MALFORMED_MESSAGE';
export const MAXIMUM_VOLUME_ID = 64;

export interface FreshnessStatement {
  readonly volume: Uint8Array;
  /** Digest that names the commit, 32 bytes. */
  readonly root: Uint8Array;
  readonly counter: number;
  /** The asker's challenge, up to 64 bytes. */
  readonly nonce: Uint8Array;
  /** The broker's clock, milliseconds. */
  readonly timeMs: number;
}

export interface FreshnessReceipt {
  readonly statement: Uint8Array;
  readonly signature: Uint8Array;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

export function encodeFreshness(statement: FreshnessStatement): Uint8Array {
  const { volume, root, counter, nonce, timeMs } = statement;
  require(volume.length > 0 && volume.length <= MAXIMUM_VOLUME_ID, CODE, 'volume ID of wrong size');
  require(root.length === 32, CODE, 'root is not 32 bytes');
  require(nonce.length <= 64, CODE, 'nonce of more than 64 bytes');
  require(Number.isSafeInteger(counter) && counter >= 0, CODE, 'counter out of range');
  return concatBytes(
    DOMAIN,
    Uint8Array.of(volume.length),
    volume,
    root,
    u64(counter),
    Uint8Array.of(nonce.length),
    nonce,
    u64(timeMs),
  );
}

function decodeFreshness(bytes: Uint8Array): FreshnessStatement {
  const reader = new Reader(bytes, CODE);
  const domain = reader.take(DOMAIN.length);
  if (!domain.every((byte, i) => byte === DOMAIN[i])) reader.fail('not a freshness statement');
  const volume = reader.take(reader.u8());
  const root = reader.take(32);
  const counter = Number(reader.u64());
  const nonce = reader.take(reader.u8());
  const timeMs = Number(reader.u64());
  if (reader.left > 0) reader.fail('bytes after the statement');
  if (!Number.isSafeInteger(counter)) reader.fail('counter out of range');
  return { volume, root, counter, nonce, timeMs };
}

/** What the broker with `publicKey` (Ed25519) signed; refuses a receipt of anyone else. */
export async function verifyFreshness(
  receipt: FreshnessReceipt,
  publicKey: Uint8Array,
): Promise<FreshnessStatement> {
  const good = await verifyEd25519(publicKey, receipt.statement, receipt.signature);
  require(good, 'REPORT_BAD_SIGNATURE', 'the receipt is not signed by this broker');
  return decodeFreshness(receipt.statement);
}

export const formatFreshnessReceipt = (receipt: FreshnessReceipt) => ({
  statement: toBase64(receipt.statement),
  signature: toBase64(receipt.signature),
});

export function parseFreshnessReceipt(text: string): FreshnessReceipt {
  const members = new Members(parseJson(text, CODE), CODE, 'receipt');
  return {
    statement: fromBase64(members.string('statement'), CODE),
    signature: fromBase64(members.string('signature'), CODE),
  };
}
