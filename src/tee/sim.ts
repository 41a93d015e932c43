/**
 * The `sim` provider: evidence of the real shape from a key on the host's disk. For development and
 * tests; its evidence says that it is simulated, and no policy accepts it without naming `sim`.
 */
import { fromBase64, toBase64 } from '../attest/bytes.ts';
import { Members, parseJson } from '../attest/json.ts';
import { encodeSimReport, keyStatement } from '../attest/sim/report.ts';
import { source } from '../attest/webcrypto.ts';
import type { Clock, Crypto } from '../base/interfaces.ts';
import { REPORT_DATA_BYTES, TeeError, type TeeProvider } from './provider.ts';

/** A simulated platform: its root vouches for the key that signs reports. */
export interface SimIdentity {
  readonly platformId: Uint8Array;
  readonly rootPublicKey: Uint8Array;
  readonly attestationPublicKey: Uint8Array;
  /** PKCS #8, DER. */
  readonly attestationPrivateKey: Uint8Array;
  readonly keySignature: Uint8Array;
}

const FORMAT = 'cloister-sim-identity/1';
const ED25519 = { name: 'Ed25519' };

async function generateKeys() {
  const made: unknown = await crypto.subtle.generateKey(ED25519, true, ['sign', 'verify']);
  const pair = made as { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return { publicKey, privateKey: pair.privateKey };
}

/** A new platform. Its root's private key is used once and forgotten. */
export async function createSimIdentity(): Promise<SimIdentity> {
  const root = await generateKeys();
  const attestation = await generateKeys();
  const platformId = crypto.getRandomValues(new Uint8Array(32));
  const statement = source(keyStatement(platformId, attestation.publicKey));
  const keySignature = await crypto.subtle.sign(ED25519, root.privateKey, statement);
  const privateKey = await crypto.subtle.exportKey('pkcs8', attestation.privateKey);
  return {
    platformId,
    rootPublicKey: root.publicKey,
    attestationPublicKey: attestation.publicKey,
    attestationPrivateKey: new Uint8Array(privateKey),
    keySignature: new Uint8Array(keySignature),
  };
}

/** For the host to keep in a file of its own. Contains a private key. */
export function formatSimIdentity(identity: SimIdentity): string {
  const fields = Object.entries(identity).map(([name, bytes]) => [name, toBase64(bytes)]);
  return `${JSON.stringify({ format: FORMAT, ...Object.fromEntries(fields) }, null, 2)}\n`;
}

export function parseSimIdentity(text: string): SimIdentity {
  const top = new Members(
    parseJson(text, 'MALFORMED_MESSAGE'),
    'MALFORMED_MESSAGE',
    'sim identity',
  );
  if (top.string('format') !== FORMAT)
    throw new TeeError(
      'TEE_PROTOCOL',
      `sim identity is not ${FORMAT}: remove it to make a new one`,
    );
  const bytes = (name: string) => fromBase64(top.string(name), 'MALFORMED_MESSAGE');
  return {
    platformId: bytes('platformId'),
    rootPublicKey: bytes('rootPublicKey'),
    attestationPublicKey: bytes('attestationPublicKey'),
    attestationPrivateKey: bytes('attestationPrivateKey'),
    keySignature: bytes('keySignature'),
  };
}

export interface SimOptions {
  readonly crypto: Pick<Crypto, 'sha384' | 'ed25519Sign'>;
  readonly clock: Pick<Clock, 'realtimeNs'>;
  /** What the simulated machine was "started with"; by default nothing. */
  readonly launched?: Uint8Array;
  readonly svn?: number;
  readonly debug?: boolean;
}

const NS_PER_MS = 1_000_000n;

export function simProvider(identity: SimIdentity, options: SimOptions): TeeProvider {
  const launchMeasurement = options.crypto.sha384(options.launched ?? new Uint8Array(0));
  return {
    name: 'sim',
    quote(reportData) {
      if (reportData.length !== REPORT_DATA_BYTES)
        throw new TeeError('TEE_PROTOCOL', `report data of ${reportData.length} bytes, not 64`);
      const body = {
        debug: options.debug ?? false,
        timestampMs: Number(options.clock.realtimeNs() / NS_PER_MS),
        svn: options.svn ?? 1,
        platformId: identity.platformId,
        launchMeasurement,
        reportData,
        attestationKey: identity.attestationPublicKey,
        rootKey: identity.rootPublicKey,
        keySignature: identity.keySignature,
      };
      const sign = (message: Uint8Array) =>
        options.crypto.ed25519Sign(identity.attestationPrivateKey, message);
      return { raw: encodeSimReport(body, sign), certificates: [] };
    },
  };
}
