/**
 * The broker's audit log: what was asked, released, refused, in a chain of hashes. A record that is
 * changed, dropped or moved breaks every hash after it; receipts carry a hash, so a cut-off end shows
 * to whoever holds a receipt.
 */
import { equalBytes, utf8 } from '../attest/bytes.ts';
import { canonicalJson } from '../attest/jose/jcs.ts';
import type { JsonObject } from '../attest/json.ts';
import type { Crypto } from '../base/interfaces.ts';
import type { AuditRecord, Store } from './store.ts';

export type AuditKind = 'attest' | 'release' | 'refuse' | 'freshness' | 'put' | 'delete';

const DOMAIN = utf8('cloister.audit.v1\0');
const START = new Uint8Array(32);

type Hasher = Pick<Crypto, 'sha256'>;

const hashOf = (crypto: Hasher, previous: Uint8Array, text: string): Uint8Array =>
  crypto.sha256(DOMAIN, previous, utf8(text));

/** Appends inside the caller's transaction. `facts` must hold no secret. */
export function appendAudit(
  store: Store,
  crypto: Hasher,
  kind: AuditKind,
  timeMs: number,
  facts: JsonObject,
): AuditRecord {
  const last = store.lastAudit();
  const sequence = (last?.sequence ?? 0) + 1;
  const text = canonicalJson({ sequence, kind, time: new Date(timeMs).toISOString(), ...facts });
  const record = { sequence, text, hash: hashOf(crypto, last?.hash ?? START, text) };
  store.appendAudit(record);
  return record;
}

/** The sequence number of the first record that does not fit, or undefined when all do. */
export function checkAuditChain(store: Store, crypto: Hasher): number | undefined {
  let previous: Uint8Array = START;
  let expected = 1;
  for (;;) {
    const batch = store.audits(expected, 1000);
    if (batch.length === 0) return undefined;
    for (const record of batch) {
      const fits = record.sequence === expected;
      if (!fits || !equalBytes(record.hash, hashOf(crypto, previous, record.text))) return expected;
      previous = record.hash;
      expected++;
    }
  }
}
