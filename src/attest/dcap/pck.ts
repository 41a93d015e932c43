/**
 * The SGX extension of PCK certificates (Intel SGX PCK Certificate and CRL Profile, section
 * 1.3.5): a SEQUENCE of (OID, value) pairs under 1.2.840.113741.1.13.1.
 */
import { toHex } from '../bytes.ts';
import { Refusal } from '../errors.ts';
import { type Certificate, findExtension } from '../x509/certificate.ts';
import { DerReader, TAG } from '../x509/der.ts';
import { OID } from '../x509/oid.table.ts';

export interface PckExtension {
  readonly ppid: string;
  /** The 16 component SVNs: these are compared, not CPUSVN, which is opaque on some families. */
  readonly componentSvns: readonly number[];
  readonly pceSvn: number;
  readonly cpuSvn: string;
  readonly pceId: string;
  readonly fmspc: string;
  /** 0 standard, 1 scalable, 2 scalable with integrity; undefined when absent. */
  readonly sgxType: number | undefined;
  readonly platformInstanceId: string | undefined;
  /** Flags of platform certificates; undefined for processor certificates. */
  readonly dynamicPlatform: boolean | undefined;
  readonly cachedKeys: boolean | undefined;
  readonly smtEnabled: boolean | undefined;
}

type Pairs = ReadonlyMap<number, DerReader>;

/** Reads (OID, value) pairs whose OID is `prefix`.n, each at most once. */
function readPairs(list: DerReader, prefix: string): Pairs {
  const pairs = new Map<number, DerReader>();
  while (!list.done) {
    const pair = list.enter(TAG.sequence);
    const oid = pair.oid();
    if (!oid.startsWith(`${prefix}.`)) pair.fail(`unknown SGX extension ${oid}`);
    const number = Number(oid.slice(prefix.length + 1));
    if (!Number.isInteger(number) || pairs.has(number)) pair.fail(`SGX extension ${oid}`);
    pairs.set(number, pair);
  }
  return pairs;
}

function need(pairs: Pairs, number: number): DerReader {
  const pair = pairs.get(number);
  if (!pair) throw new Refusal('MALFORMED_CERT', `SGX extension .${number} missing`);
  return pair;
}

function octets(reader: DerReader, bytes: number): string {
  const { content } = reader.next(TAG.octetString);
  reader.end();
  if (content.length !== bytes) reader.fail(`${content.length} bytes where ${bytes} must be`);
  return toHex(content);
}

export function parsePckExtension(certificate: Certificate): PckExtension {
  const value = findExtension(certificate, OID.sgxExtensions);
  if (!value) throw new Refusal('CERT_WRONG_TYPE', 'certificate without SGX extension');
  const outer = new DerReader(value, 'MALFORMED_CERT');
  const pairs = readPairs(outer.enter(TAG.sequence), OID.sgxExtensions);
  outer.end();
  const tcb = readPairs(need(pairs, 2).enter(TAG.sequence), `${OID.sgxExtensions}.2`);
  const small = (from: Pairs, number: number, maximum: number) => {
    const reader = need(from, number);
    const found = reader.smallInteger(maximum);
    reader.end();
    return found;
  };
  const componentSvns = Array.from({ length: 16 }, (_, i) => small(tcb, i + 1, 255));
  const type = pairs.get(5)?.next(TAG.enumerated).content;
  const instance = pairs.get(6);
  return {
    ppid: octets(need(pairs, 1), 16),
    componentSvns,
    pceSvn: small(tcb, 17, 65535),
    cpuSvn: octets(need(tcb, 18), 16),
    pceId: octets(need(pairs, 3), 2),
    fmspc: octets(need(pairs, 4), 6),
    sgxType: type?.length === 1 ? type[0] : undefined,
    platformInstanceId: instance && octets(instance, 16),
    ...configuration(pairs.get(7)),
  };
}

/** Section 1.3.5, "Configuration": three optional booleans. */
function configuration(reader: DerReader | undefined) {
  const flags = reader && readPairs(reader.enter(TAG.sequence), `${OID.sgxExtensions}.7`);
  const flag = (number: number) => flags?.get(number)?.boolean();
  return { dynamicPlatform: flag(1), cachedKeys: flag(2), smtEnabled: flag(3) };
}
