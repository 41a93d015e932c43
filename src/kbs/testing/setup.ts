/** A broker in memory, simulated instances, and an attacker between them: for the tests of kbs. */

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { utf8 } from '../../attest/bytes.ts';
import type { Evidence } from '../../attest/evidence.ts';
import { Secret } from '../../base/secret.ts';
import { nodeCrypto, nodeEntropy } from '../../host/crypto.ts';
import { createEvidence } from '../../tee/provider.ts';
import { createSimIdentity, type SimIdentity, simProvider } from '../../tee/sim.ts';
import { Broker, type BrokerKey, type BrokerLimits } from '../broker.ts';
import type { Prover } from '../client.ts';
import type { HttpRequest, HttpResponse, HttpTransport } from '../http.ts';
import { MemoryStore } from '../memory-store.ts';
import type { Store } from '../store.ts';
import { Vault } from '../vault.ts';

export const START_MS = Date.UTC(2026, 0, 1);
export const image = (name: string): Uint8Array => nodeCrypto.sha256(utf8(name));
export const RUNTIME = image('runtime');

export class TestClock {
  ms = START_MS;
  realtimeNs = (): bigint => BigInt(this.ms) * 1_000_000n;
}

export interface Setup {
  readonly broker: Broker;
  readonly vault: Vault;
  readonly store: Store;
  readonly clock: TestClock;
  readonly key: BrokerKey;
  readonly identity: SimIdentity;
  readonly log: string[];
  readonly transport: HttpTransport;
  /** An instance of `imageName`, as RcarClient wants it. */
  prover(imageName: string): Prover;
}

function signingKey(): BrokerKey {
  const pair = generateKeyPairSync('ed25519');
  const spki = (pair.publicKey as KeyObject).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(-32)),
    sign: (message) => new Uint8Array(sign(null, message, pair.privateKey)),
  };
}

export const policyFor = (...imageNames: readonly string[]): string => {
  const list = imageNames.map((name) => `sha256:${Buffer.from(image(name)).toString('hex')}`);
  return `format: cloister-policy/1\nname: test\nproviders: {sim: }\nimages: [${list.join(', ')}]\nrequireNonce: true\n`;
};

export async function setup(
  limits: Partial<BrokerLimits> = {},
  store: Store = new MemoryStore(),
): Promise<Setup> {
  const clock = new TestClock();
  const log: string[] = [];
  const key = signingKey();
  const parts = { store, crypto: nodeCrypto, entropy: nodeEntropy, clock };
  const vault = new Vault({ ...parts, storeKey: new Secret(new Uint8Array(32).fill(42)) });
  const logger = { log: (level: string, message: string) => void log.push(`${level} ${message}`) };
  const broker = new Broker({ ...parts, vault, key, logger, limits });
  const identity = await createSimIdentity();
  const sim = simProvider(identity, { crypto: nodeCrypto, clock });
  const evidence =
    (imageName: string) =>
    (publicKey: Uint8Array, nonce: Uint8Array): Evidence => {
      const measured = { imageMeasurement: image(imageName), runtimeMeasurement: RUNTIME };
      return createEvidence(sim, { ...measured, publicKey, nonce }, nodeCrypto);
    };
  return {
    broker,
    vault,
    store,
    clock,
    key,
    identity,
    log,
    transport: directTransport(broker, 'instance'),
    prover: (name) => ({ kind: 'cloister', provider: 'sim', evidence: evidence(name) }),
  };
}

export function directTransport(broker: Broker, peer: string): HttpTransport {
  return { send: (request) => broker.handle({ ...request, peer }) };
}

/** A transport on which an attacker may change what passes. */
export function manInTheMiddle(
  below: HttpTransport,
  hooks: {
    readonly request?: (request: Omit<HttpRequest, 'peer'>) => Omit<HttpRequest, 'peer'>;
    readonly response?: (path: string, response: HttpResponse) => HttpResponse;
  },
): HttpTransport {
  return {
    async send(request) {
      const changed = hooks.request?.(request) ?? request;
      const response = await below.send(changed);
      return hooks.response?.(request.path, response) ?? response;
    },
  };
}

export const secretOf = (text: string): Secret => new Secret(utf8(text));
