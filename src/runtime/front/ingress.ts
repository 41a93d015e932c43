/**
 * A door into the instance: attested TLS from outside ends here, and the bytes go on over the
 * instance's own loopback to a server that knows nothing of it.
 */

import type { IngressConfig } from '../../image/door-schema.ts';
import { attestStream, FRESH_PROTOCOL, type StreamJudge } from '../../kbs/attested-stream.ts';
import type { IncomingTls, TlsAddress, TlsListener, TlsStream } from '../../kbs/tls.ts';
import { type Door, DoorLog, type DoorParts, HANDSHAKE_MS, judgeOf, Passages } from './door.ts';
import { connectInside, listenerAt } from './guest-stream.ts';
import { Relay } from './relay.ts';

export class Ingress implements Door {
  readonly #parts: DoorParts;
  readonly #config: IngressConfig;
  readonly #judge: StreamJudge | undefined;
  readonly #log: DoorLog;
  readonly #passages = new Passages();
  readonly #listeners: TlsListener[] = [];
  #handshakes = 0;

  private constructor(parts: DoorParts, config: IngressConfig) {
    this.#parts = parts;
    this.#config = config;
    this.#judge = config.clients && judgeOf(parts, config.clients);
    this.#log = new DoorLog(parts, `ingress ${config.port}`);
  }

  /** Listens at each of `at`. Rejects where the host refuses one, and when there is no evidence. */
  static async open(
    parts: DoorParts,
    config: IngressConfig,
    at: readonly TlsAddress[],
  ): Promise<Ingress> {
    const door = new Ingress(parts, config);
    try {
      for (const address of at)
        door.#listeners.push(await parts.tls.listen(address, (one) => void door.#arrived(one)));
    } catch (error) {
      door.destroy();
      throw error;
    }
    return door;
  }

  /** Where it listens, in the order asked for. */
  get ports(): readonly number[] {
    return this.#listeners.map(({ port }) => port);
  }

  /** Never rejects: what becomes of a connection is the affair of its two ends, and of the log. */
  async #arrived(incoming: IncomingTls): Promise<void> {
    const { handshakes, connections, to } = this.#config;
    const isFull = this.#passages.count >= connections;
    // As a closed port would: a client tries again.
    if (isFull || listenerAt(this.#parts.inside, to) === undefined) {
      incoming.destroy();
      if (isFull) this.#log.say(`turned ${incoming.peer} away: ${connections} connections`);
      return;
    }
    if (this.#handshakes >= handshakes) {
      incoming.destroy();
      this.#log.say(`turned ${incoming.peer} away: ${handshakes} handshakes under way`);
      return;
    }
    this.#handshakes++;
    let isShaking = true;
    const shaken = (): void => {
      if (isShaking) this.#handshakes--;
      isShaking = false;
    };
    let relay: Relay | undefined;
    const destroy = (): void => incoming.destroy();
    const passage = { destroy, finish: () => (relay === undefined ? destroy() : relay.finish()) };
    const serve = async (): Promise<void> => {
      relay = await this.#shakeHands(incoming);
      shaken();
      await relay.run();
    };
    try {
      await this.#passages.track(passage, serve());
    } catch (error) {
      this.#log.say(`${incoming.peer}: ${(error as Error).message}`);
    } finally {
      shaken();
    }
  }

  /** From the first byte of TLS to the server inside. When it rejects, the connection has ended. */
  async #shakeHands(incoming: IncomingTls): Promise<Relay> {
    const signal = AbortSignal.timeout(HANDSHAKE_MS);
    const late = (): void => incoming.destroy();
    signal.addEventListener('abort', late);
    try {
      const stream = await this.#attested(incoming);
      try {
        return new Relay(await connectInside(this.#parts.inside, this.#config.to, signal), stream);
      } catch (error) {
        stream.destroy();
        throw error;
      }
    } finally {
      signal.removeEventListener('abort', late);
    }
  }

  async #attested(incoming: IncomingTls): Promise<TlsStream> {
    const { prove, identity } = this.#parts;
    const { alpn, idleSeconds } = this.#config;
    const judge = this.#judge;
    const shown = await identity.current().catch((error: unknown) => {
      incoming.destroy();
      throw error;
    });
    const secured = await incoming.secure({
      ...{ identity: shown, protocols: [FRESH_PROTOCOL, ...alpn] },
      ...{ asksForCertificate: judge !== undefined, handshakeMs: HANDSHAKE_MS },
      idleMs: idleSeconds * 1000,
    });
    const { stream } = await attestStream(secured, { side: 'server', prove, judge });
    return stream;
  }

  close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    return this.#passages.finish();
  }

  destroy(): void {
    for (const listener of this.#listeners) listener.close();
    this.#passages.destroy();
  }
}
