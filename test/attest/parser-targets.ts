/**
 * Fuzz targets: every parser of `src/attest`, fed with damaged real inputs. Oracle: a value or a
 * `Refusal`, in bounded time; anything else is a fault.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeCbor, FOREIGN } from '../../src/attest/cbor.ts';
import { parseDcapCollateral } from '../../src/attest/dcap/collateral.ts';
import { platformOf } from '../../src/attest/dcap/platform.ts';
import { parseQuote } from '../../src/attest/dcap/quote.ts';
import { parseQeIdentity, parseTcbInfo } from '../../src/attest/dcap/tcb-info.ts';
import { Refusal } from '../../src/attest/errors.ts';
import { parseEvidence } from '../../src/attest/evidence.ts';
import { parseJson } from '../../src/attest/json.ts';
import { parseNitroDocument } from '../../src/attest/nitro/document.ts';
import { parsePolicy } from '../../src/attest/policy.ts';
import { parseAttestation, parseAuthRequest } from '../../src/attest/rcar/messages.ts';
import { parseSimReport, SIM_REPORT_BYTES } from '../../src/attest/sim/report.ts';
import { parseReport } from '../../src/attest/snp/report.ts';
import { parseTpmQuote } from '../../src/attest/tpm/quote.ts';
import { parseCertificate } from '../../src/attest/x509/certificate.ts';
import { parseCrl } from '../../src/attest/x509/crl.ts';
import { parsePemChain } from '../../src/attest/x509/pem.ts';
import type { SeededRandom } from '../../src/base/random.ts';
import { TeeError } from '../../src/tee/provider.ts';
import { parseCertificateTable } from '../../src/tee/tsm.ts';
import { TPM_QUOTES } from './tpm-seeds.ts';

const VECTORS = new URL('../vectors/attestation/', import.meta.url).pathname;

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly parse: (bytes: Uint8Array) => unknown;
}

const folder = (name: string, ending: string): Uint8Array[] =>
  readdirSync(join(VECTORS, name))
    .filter((file) => file.endsWith(ending))
    .map((file) => new Uint8Array(readFileSync(join(VECTORS, name, file))));
const utf8 = (text: string) => new TextEncoder().encode(text);
const onText = (parse: (text: string) => unknown) => (bytes: Uint8Array) =>
  parse(new TextDecoder().decode(bytes));

export function targets(): readonly Target[] {
  const bundles = folder('collateral', '.json');
  const member = (name: string) =>
    bundles.map((bundle) => utf8(JSON.parse(new TextDecoder().decode(bundle))[name]));
  const crls = folder('pkits', '.crl');
  const policy =
    'format: cloister-policy/1\nproviders: {tdx: {statuses: [UpToDate]}, sim: }\nimages: any\n';
  const evidence = '{"format":"cloister-evidence/1","provider":"sim","evidence":"AAAA"}';
  const rcar = '{"runtime-data":{"nonce":"AA==","tee-pubkey":{"kty":"EC","crv":"P-256"}}}';
  return [
    { name: 'quote', seeds: folder('dcap', '.bin'), parse: parseQuote },
    { name: 'platform of a quote', seeds: folder('dcap', '.bin'), parse: platformOf },
    { name: 'SNP report', seeds: folder('snp', '.report.bin'), parse: parseReport },
    { name: 'Nitro document', seeds: folder('nitro', '.cbor'), parse: parseNitroDocument },
    {
      name: 'CBOR',
      seeds: folder('nitro', '.cbor'),
      parse: (b) => decodeCbor(b, 'MALFORMED_CBOR', FOREIGN),
    },
    {
      name: 'certificate',
      seeds: [...folder('pkits', '.crt'), ...folder('snp', '.der')],
      parse: parseCertificate,
    },
    { name: 'CRL', seeds: crls, parse: parseCrl },
    {
      name: 'PEM',
      seeds: [...folder('ratls', '.pem'), ...folder('snp', '.pem')],
      parse: onText(parsePemChain),
    },
    { name: 'JSON', seeds: bundles, parse: onText((text) => parseJson(text, 'MALFORMED_JSON')) },
    { name: 'collateral', seeds: bundles, parse: onText(parseDcapCollateral) },
    { name: 'TCB info', seeds: member('tcb_info'), parse: onText(parseTcbInfo) },
    { name: 'QE identity', seeds: member('qe_identity'), parse: onText(parseQeIdentity) },
    { name: 'policy', seeds: [utf8(policy)], parse: onText(parsePolicy) },
    { name: 'evidence', seeds: [utf8(evidence)], parse: onText(parseEvidence) },
    { name: 'attestation', seeds: [utf8(rcar)], parse: onText(parseAttestation) },
    {
      name: 'auth request',
      seeds: [utf8('{"version":"0.4.0","tee":"tdx"}')],
      parse: onText(parseAuthRequest),
    },
    {
      name: 'TPM quote',
      seeds: TPM_QUOTES.map((text) => new Uint8Array(Buffer.from(text, 'base64'))),
      parse: parseTpmQuote,
    },
    { name: 'sim report', seeds: [new Uint8Array(SIM_REPORT_BYTES)], parse: parseSimReport },
    {
      name: 'certificate table',
      seeds: [new Uint8Array(96).fill(3)],
      parse: parseCertificateTable,
    },
  ];
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xbf, 0xff];

/** Damages `seed`: flips, overwrites, cuts, doubles, splices, inserts. */
export function damage(seed: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array {
  let bytes = seed.slice();
  for (let i = 1 + random.below(4); i > 0; i--) {
    const at = random.below(Math.max(1, bytes.length));
    const kind = random.below(7);
    if (kind === 0 && bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    else if (kind === 1 && bytes.length > 0) bytes[at] = random.pick(INTERESTING);
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = Uint8Array.from([...bytes, ...bytes.subarray(at, at + 64)]);
    else if (kind === 4) {
      const from = random.below(Math.max(1, other.length));
      bytes.set(
        other.subarray(from, from + Math.min(32, bytes.length - at)).slice(0, bytes.length - at),
        at,
      );
    } else if (kind === 5)
      bytes = Uint8Array.from([
        ...bytes.subarray(0, at),
        ...random.bytes(3),
        ...bytes.subarray(at),
      ]);
    else
      for (let k = at; k < Math.min(bytes.length, at + 4); k++) bytes[k] = random.pick(INTERESTING);
  }
  return bytes;
}

/** What is wrong with the outcome, or undefined. */
export function run(target: Target, bytes: Uint8Array): string | undefined {
  try {
    target.parse(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal || error instanceof TeeError) return undefined;
    return `${target.name}: ${String((error as Error).stack)} on ${Buffer.from(bytes).toString('base64')}`;
  }
}

/** Of this thread: on a busy machine a parser may wait for its turn longer than it takes. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Fuzzes all targets for about `seconds`; answers the number of inputs, throws at the first fault. */
export function fuzzParsers(seconds: number, random: SeededRandom, nowMs: () => number): number {
  const all = targets();
  const end = nowMs() + 1000 * seconds;
  let count = 0;
  while (nowMs() < end)
    for (const target of all)
      for (let i = 0; i < 8; i++) {
        const started = cpuMs();
        const input = damage(random.pick(target.seeds), random.pick(target.seeds), random);
        const fault = run(target, input);
        if (fault !== undefined) throw new Error(fault);
        if (cpuMs() - started > 2000)
          throw new Error(
            `${target.name}: over two seconds on ${Buffer.from(input).toString('base64')}`,
          );
        count++;
      }
  return count;
}
