/**
 * Attested channels: RA-TLS with freshness. The certificates alone prove no moment, and evidence in
 * them can be relayed by whoever gets at the key; so after the TLS handshake each side that wants it
 * challenges the other, and the answer's evidence binds the challenge, the side, the TLS key and this
 * connection's exporter value. Protocol `cloister.ra-tls.v1`: docs/formats/ra-tls.md.
 */
import type { Appraisal } from '../attest/appraise/appraisal.ts';
import { concatBytes, equalBytes, fromHex, fromUtf8, toHex, utf8 } from '../attest/bytes.ts';
import { Refusal, require } from '../attest/errors.ts';
import { type Evidence, evidenceFromJson, formatEvidence } from '../attest/evidence.ts';
import { Members, parseJson } from '../attest/json.ts';
import type { Policy } from '../attest/policy.ts';
import { type Collateral, verify } from '../attest/verify.ts';
import { digest } from '../attest/webcrypto.ts';
import { parseCertificate } from '../attest/x509/certificate.ts';
import type { TlsConnection } from './tls.ts';

export const EXPORTER_LABEL = 'EXPORTER-cloister-ra-tls-v1';
const DOMAIN = utf8('cloister.ra-tls.v1\0');
const CODE = 'MALFORMED_MESSAGE';
const MAXIMUM_MESSAGE = 256 * 1024;
const NONCE_BYTES = 32;

export type Side = 'client' | 'server';

/** Makes evidence over the key of this side's certificate and a nonce of 64 bytes. */
export type ChannelProver = (
  publicKey: Uint8Array,
  nonce: Uint8Array,
) => Evidence | Promise<Evidence>;

/** How this side judges the peer; absent: it wants no evidence. */
export interface ChannelJudge {
  readonly policy: Policy;
  readonly time: () => Date;
  readonly collateral?: (evidence: Evidence) => Promise<Collateral>;
}

export interface ChannelOptions {
  readonly side: Side;
  /** DER SubjectPublicKeyInfo of the certificate that this side shows. */
  readonly ownKey: Uint8Array;
  readonly prove?: ChannelProver;
  readonly judge?: ChannelJudge;
}

/** The peer was refused, or refused us; `appraisal` says why when it was we. */
export class ChannelRefused extends Error {
  override readonly name = 'ChannelRefused';
  readonly code = 'CHANNEL_REFUSED';
  readonly appraisal: Appraisal | undefined;
  constructor(message: string, appraisal?: Appraisal) {
    super(message);
    this.appraisal = appraisal;
  }
}

/** The nonce that evidence of `side` must bind on this connection. */
async function channelNonce(
  side: Side,
  challenge: Uint8Array,
  exporter: Uint8Array,
): Promise<Uint8Array> {
  // The side is inside, or a challenge could be reflected to its sender.
  return digest('SHA-512', concatBytes(DOMAIN, utf8(`${side}\0`), challenge, exporter));
}

/**
 * Attests the connection in the directions that the two sides want. Answers the peer's appraisal, or
 * undefined when this side wanted none; closes the connection and throws when either side refuses.
 */
export async function attestChannel(
  connection: TlsConnection,
  options: ChannelOptions,
): Promise<Appraisal | undefined> {
  try {
    return await exchange(connection, options);
  } catch (error) {
    connection.close();
    if (error instanceof Refusal) throw new ChannelRefused(`${error.code}: ${error.message}`);
    throw error;
  }
}

async function exchange(
  connection: TlsConnection,
  options: ChannelOptions,
): Promise<Appraisal | undefined> {
  const { side, judge, prove, ownKey } = options;
  const exporter = connection.exportKeyingMaterial(32, EXPORTER_LABEL, new Uint8Array(0));
  const challenge = judge && crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  await sendJson(connection, { v: 1, side, challenge: challenge ? toHex(challenge) : null });
  const asked = await receiveHello(connection, side);
  if (asked) {
    if (!prove) {
      await sendJson(connection, { evidence: null });
      throw new ChannelRefused('the peer wants evidence, and this side has none to give');
    }
    const evidence = await prove(ownKey, await channelNonce(side, asked, exporter));
    await sendJson(connection, { evidence: JSON.parse(formatEvidence(evidence)) });
  }
  let appraisal: Appraisal | undefined;
  if (judge && challenge) {
    appraisal = await judgePeer(connection, side, challenge, exporter, judge);
    await sendJson(connection, { accepted: appraisal.accepted });
    if (!appraisal.accepted)
      throw new ChannelRefused(`peer refused: ${appraisal.reasons.join('; ')}`, appraisal);
  }
  if (asked) await receiveVerdict(connection);
  return appraisal;
}

async function judgePeer(
  connection: TlsConnection,
  side: Side,
  challenge: Uint8Array,
  exporter: Uint8Array,
  judge: ChannelJudge,
): Promise<Appraisal> {
  const message = await receiveJson(connection);
  const value = message.raw('evidence') ?? null;
  require(value !== null, 'UNSUPPORTED_EVIDENCE', 'the peer has no evidence to give');
  const evidence = evidenceFromJson(value);
  const { peerCertificate } = connection;
  require(peerCertificate, 'BINDING_MISMATCH', 'the peer showed no certificate');
  const { spki } = parseCertificate(peerCertificate);
  const bound = evidence.binding?.publicKey ?? new Uint8Array(0);
  require(equalBytes(bound, spki), 'BINDING_MISMATCH', 'the evidence is about another TLS key');
  const peerSide = side === 'client' ? 'server' : 'client';
  const nonce = await channelNonce(peerSide, challenge, exporter);
  const collateral = (await judge.collateral?.(evidence)) ?? {};
  return verify({ evidence, collateral, policy: judge.policy, time: judge.time(), nonce });
}

/** The peer's challenge, or undefined when it wants no evidence. */
async function receiveHello(
  connection: TlsConnection,
  side: Side,
): Promise<Uint8Array | undefined> {
  const hello = await receiveJson(connection);
  require(hello.integer('v', 1000) === 1, 'UNSUPPORTED_VERSION', 'channel protocol is not 1');
  require(hello.string('side') !== side, CODE, 'a hello came back to its sender');
  if ((hello.raw('challenge') ?? null) === null) return undefined;
  return fromHex(hello.hex('challenge', NONCE_BYTES), CODE);
}

async function receiveVerdict(connection: TlsConnection): Promise<void> {
  const verdict = await receiveJson(connection);
  if (verdict.raw('accepted') !== true) throw new ChannelRefused('the peer refused our evidence');
}

const sendJson = (connection: TlsConnection, value: unknown): Promise<void> =>
  connection.send(utf8(JSON.stringify(value)));

async function receiveJson(connection: TlsConnection): Promise<Members> {
  const text = fromUtf8(await connection.receive(MAXIMUM_MESSAGE), CODE);
  return new Members(parseJson(text, CODE), CODE, 'channel');
}
