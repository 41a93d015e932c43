/** Instances without a kernel: a net stack, doors over real TLS, and programs that the test plays. */

import { AF } from '../../../abi/socket.ts';
import { parsePolicy } from '../../../attest/policy.ts';
import type { ByteStream } from '../../../base/byte-stream.ts';
import { WaitEntry } from '../../../base/wait-queue.ts';
import { nodeCrypto } from '../../../host/crypto.ts';
import { nodeTlsHost } from '../../../host/tls-host.ts';
import type { EgressConfig, IngressConfig } from '../../../image/door-schema.ts';
import type { Freshness } from '../../../kbs/attested-stream.ts';
import { image, policyFor, RUNTIME, START_MS } from '../../../kbs/testing/setup.ts';
import { encodeEndpoint } from '../../../net/endpoint.ts';
import { LOOPBACK4 } from '../../../net/ip.ts';
import { TcpSocket } from '../../../net/tcp-socket.ts';
import { netFixture } from '../../../net/testing/fixture.ts';
import { createEvidence } from '../../../tee/provider.ts';
import { createSimIdentity, simProvider } from '../../../tee/sim.ts';
import { ChannelIdentity, type IdentityParts } from '../channel-identity.ts';
import type { DoorParts } from '../door.ts';
import { Egress } from '../egress.ts';
import { GuestStream, insideSocket } from '../guest-stream.ts';
import { Ingress } from '../ingress.ts';

const sim = await createSimIdentity();

export const INGRESS: IngressConfig = {
  ...{ port: 443, to: 80, alpn: ['http/1.1'], connections: 100, handshakes: 10, idleSeconds: 10 },
};
export const EGRESS: Omit<EgressConfig, 'connect' | 'policy'> = {
  ...{ listen: '127.0.0.1:9000', freshness: 'connection', alpn: [], connections: 100 },
  idleSeconds: 10,
};

/** Evidence in certificates has no nonce. */
const withoutNonce = (policy: string): string => policy.replace('requireNonce: true', '');

export const judge = (imageName: string, freshness: Freshness = 'connection') => ({
  policy: parsePolicy(
    freshness === 'certificate' ? withoutNonce(policyFor(imageName)) : policyFor(imageName),
  ),
  ...{ freshness, time: () => new Date(START_MS) },
});

/** An instance of `imageName`. */
export class TestInstance implements Disposable {
  readonly imageName: string;
  readonly clock = { ms: START_MS, realtimeNs: () => BigInt(this.clock.ms) * 1_000_000n };
  readonly logged: string[] = [];
  readonly parts: DoorParts;
  readonly identityParts: IdentityParts;
  readonly #fixture = netFixture();
  readonly #open: { destroy(): void }[] = [];

  constructor(imageName: string, over: Partial<IdentityParts> = {}) {
    this.imageName = imageName;
    const { net, creds } = this.#fixture;
    const provider = simProvider(sim, { crypto: nodeCrypto, clock: this.clock });
    const nowMs = (): number => this.clock.ms;
    const logger = { log: (_: string, line: string) => void this.logged.push(line) };
    const measured = { imageMeasurement: image(imageName), runtimeMeasurement: RUNTIME };
    this.identityParts = {
      ...{ provider, nowMs, logger, imageMeasurement: measured.imageMeasurement },
      ...{ measureRuntime: () => RUNTIME, ...over },
    };
    this.parts = {
      ...{ tls: nodeTlsHost, nowMs, logger },
      inside: { net, credentials: creds, wake: () => undefined },
      identity: new ChannelIdentity(this.identityParts),
      prove: (publicKey, nonce) =>
        createEvidence(provider, { ...measured, publicKey, nonce }, nodeCrypto),
    };
  }

  /** The port of the host that leads to a server at 80. */
  async ingress(over: Partial<IngressConfig> = {}): Promise<Ingress & { readonly port: number }> {
    const at = [{ host: '127.0.0.1', port: 0 }];
    const door = await Ingress.open(this.parts, { ...INGRESS, ...over }, at);
    this.#open.push(door);
    return Object.assign(door, { port: door.ports[0] as number });
  }

  egress(port: number, over: Partial<EgressConfig> = {}): Egress {
    const policy = policyFor('server');
    const config = { ...EGRESS, policy, connect: `127.0.0.1:${port}`, ...over };
    const door = new Egress(this.parts, config);
    this.#open.push(door);
    return door;
  }

  /** A program that listens at 80 and does `serve` for each connection. */
  server(serve: (connection: GuestStream) => Promise<void> | void): void {
    const { inside } = this.parts;
    const socket = insideSocket(inside, LOOPBACK4);
    socket.bind(encodeEndpoint(AF.AF_INET, { ip: LOOPBACK4, port: 80 }), inside.credentials);
    socket.listen(128);
    const entry = {
      onWake: () => {
        queueMicrotask(() => {
          for (let one = socket.accept(); one instanceof TcpSocket; one = socket.accept())
            void Promise.resolve(serve(new GuestStream(one, inside))).catch(() => undefined);
        });
        return false;
      },
    };
    this.#open.push({ destroy: () => socket.release() });
    // A program is woken by its own wait entry.
    socket.waitQueue.add(new WaitEntry(entry));
  }

  /** A program that connects to an address inside. */
  async client(port: number): Promise<GuestStream> {
    const { inside } = this.parts;
    const socket = insideSocket(inside, LOOPBACK4);
    socket.connect(encodeEndpoint(AF.AF_INET, { ip: LOOPBACK4, port }));
    const stream = new GuestStream(socket, inside);
    await stream.connected();
    return stream;
  }

  [Symbol.dispose](): void {
    for (const one of this.#open) one.destroy();
  }
}

/** Everything up to the end. */
export async function readAll(stream: ByteStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const bytes = await stream.read();
    if (bytes === undefined) return text;
    text += decoder.decode(bytes, { stream: true });
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Says what it was told, in capitals, once it was told everything. */
export async function shout(connection: ByteStream): Promise<void> {
  await connection.write(utf8((await readAll(connection)).toUpperCase()));
  await connection.end();
}
