/**
 * Streams between attested programs: TLS, then evidence, then bytes. Where both sides speak
 * `cloister.ra-tls.v1` (agreed by ALPN) the evidence is of this moment and this connection
 * (ra-tls.ts); else all that can be had is the evidence in the peer's certificate, which shows no
 * moment and can be relayed by whoever gets at the key. docs/formats/ra-tls.md, section 3.
 */

import type { Appraisal } from '../attest/appraise/appraisal.ts';
import { verifyRaTls } from '../attest/ratls/verify.ts';
import { MessageStream } from './messages.ts';
import {
  attestChannel,
  type ChannelJudge,
  type ChannelProver,
  ChannelRefused,
  type Side,
} from './ra-tls.ts';
import type { TlsAddress, TlsHost, TlsIdentity, TlsStream } from './tls.ts';

/** ALPN protocol of connections that attest themselves after the handshake. */
export const FRESH_PROTOCOL = 'cloister.ra-tls.v1';

export type Freshness = 'connection' | 'certificate';

/** How this side judges the peer. */
export interface StreamJudge extends ChannelJudge {
  /** What the peer's evidence must at least be of. */
  readonly freshness: Freshness;
}

export interface AttestOptions {
  readonly side: Side;
  readonly prove?: ChannelProver | undefined;
  /** Undefined: any peer will do. */
  readonly judge?: StreamJudge | undefined;
}

export interface AttestedStream {
  readonly stream: TlsStream;
  /** Undefined when the peer was not to be judged. */
  readonly appraisal: Appraisal | undefined;
}

/**
 * Attests a connection whose TLS handshake is over. Nothing of the two programs passes before this has
 * resolved. Throws {@link ChannelRefused}, or what broke the connection, which is gone by then.
 */
export async function attestStream(
  stream: TlsStream,
  { side, prove, judge }: AttestOptions,
): Promise<AttestedStream> {
  if (stream.protocol !== FRESH_PROTOCOL) {
    try {
      return { stream, appraisal: judge && (await judgeCertificate(stream, judge)) };
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }
  const messages = new MessageStream(stream);
  const appraisal = await attestChannel(messages, {
    ...{ side, ownKey: stream.identity.publicKey },
    ...(prove === undefined ? {} : { prove }),
    ...(judge === undefined ? {} : { judge }),
  });
  return { stream: messages.remainder(), appraisal };
}

async function judgeCertificate(stream: TlsStream, judge: StreamJudge): Promise<Appraisal> {
  if (judge.freshness === 'connection')
    throw new ChannelRefused(
      `the peer does not speak ${FRESH_PROTOCOL}: evidence in its certificate shows no moment ` +
        '(`freshness: certificate` would accept that)',
    );
  const { peerCertificate: certificate } = stream;
  if (certificate === undefined) throw new ChannelRefused('the peer showed no certificate');
  const { policy, collateral } = judge;
  const appraisal = await verifyRaTls({
    ...{ certificate, policy, time: judge.time() },
    ...(collateral === undefined ? {} : { collateral }),
  });
  if (!appraisal.accepted)
    throw new ChannelRefused(`peer refused: ${appraisal.reasons.join('; ')}`, appraisal);
  return appraisal;
}

export interface AttestedConnect extends Omit<AttestOptions, 'side'> {
  readonly identity: TlsIdentity;
  /** ALPN beside {@link FRESH_PROTOCOL}, for peers that do not know it. */
  readonly protocols: readonly string[];
  readonly handshakeMs: number;
  readonly idleMs: number;
}

/** Connects, and appraises the peer before any byte goes. */
export async function connectAttested(
  host: TlsHost,
  to: TlsAddress,
  { protocols, judge, prove, ...options }: AttestedConnect,
): Promise<AttestedStream> {
  const offered = [FRESH_PROTOCOL, ...protocols];
  const stream = await host.connect(to, { ...options, protocols: offered });
  const timer = setTimeout(() => stream.destroy(), options.handshakeMs);
  try {
    return await attestStream(stream, { side: 'client', prove, judge });
  } finally {
    clearTimeout(timer);
  }
}
