/**
 * A door out of the instance: what connects to a loopback address inside is carried to a peer outside
 * over attested TLS. The peer is appraised by a measured policy before any byte goes.
 */

import { POLLIN } from '../../abi/poll-events.ts';
import { WaitEntry, type Waiter } from '../../base/wait-queue.ts';
import type { EgressConfig } from '../../image/door-schema.ts';
import { connectAttested, type StreamJudge } from '../../kbs/attested-stream.ts';
import type { TlsAddress } from '../../kbs/tls.ts';
import { encodeEndpoint } from '../../net/endpoint.ts';
import { parseIp } from '../../net/ip.ts';
import { TcpSocket } from '../../net/tcp-socket.ts';
import {
  type Door,
  DoorLog,
  type DoorParts,
  HANDSHAKE_MS,
  judgeOf,
  type Passage,
  Passages,
} from './door.ts';
import { GuestStream, InsideError, insideSocket } from './guest-stream.ts';
import { Relay } from './relay.ts';

const BACKLOG = 128;

export class Egress implements Door, Waiter {
  readonly #parts: DoorParts;
  readonly #config: EgressConfig;
  readonly #to: TlsAddress;
  readonly #judge: StreamJudge;
  readonly #log: DoorLog;
  readonly #passages = new Passages();
  readonly #listener: TcpSocket;
  readonly #entry = new WaitEntry(this);
  #isClosed = false;

  /** Listens inside. Throws {@link InsideError} when that cannot be. */
  constructor(parts: DoorParts, config: EgressConfig) {
    this.#parts = parts;
    this.#config = config;
    this.#to = addressOf(config.connect);
    this.#judge = judgeOf(parts, config);
    this.#log = new DoorLog(parts, `egress ${config.listen} to ${config.connect}`);
    const { host, port } = addressOf(config.listen);
    const ip = parseIp(host);
    if (!ip?.isLoopback) throw new InsideError(`${config.listen} is no loopback address`);
    const listener = insideSocket(parts.inside, ip);
    const name = encodeEndpoint(listener.family, { ip, port });
    const bound = listener.bind(name, parts.inside.credentials) || listener.listen(BACKLOG);
    if (bound < 0) {
      listener.release();
      throw new InsideError(`egress ${config.listen}: errno ${-bound}`);
    }
    this.#listener = listener;
    listener.waitQueue.add(this.#entry);
  }

  /** A guest connects. Only noted here: the guest's own system call is still under way. */
  onWake(events: number): boolean {
    if ((events & POLLIN) !== 0) {
      queueMicrotask(() => this.#acceptAll());
      this.#parts.inside.wake();
    }
    return false;
  }

  /** Beyond the limit they stay in the backlog, and the guest waits, as for any busy server. */
  #acceptAll(): void {
    while (!this.#isClosed && this.#passages.count < this.#config.connections) {
      const socket = this.#listener.accept();
      if (!(socket instanceof TcpSocket)) return;
      const guest = new GuestStream(socket, this.#parts.inside);
      const passage = new Outward(guest);
      const done = this.#passages.track(passage, this.#carry(guest, passage));
      void done.then(() => this.#acceptAll());
    }
  }

  /** Never rejects: the guest sees a reset, the log says why. */
  async #carry(guest: GuestStream, passage: Outward): Promise<void> {
    const { tls, identity, prove } = this.#parts;
    try {
      const { stream } = await connectAttested(tls, this.#to, {
        ...{ identity: await identity.current(), prove, judge: this.#judge },
        ...{ protocols: this.#config.alpn, handshakeMs: HANDSHAKE_MS },
        idleMs: this.#config.idleSeconds * 1000,
      });
      await passage.start(new Relay(guest, stream));
    } catch (error) {
      this.#log.say((error as Error).message);
      guest.destroy();
    }
  }

  close(): Promise<void> {
    // Who has connected already is still let through.
    this.#acceptAll();
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#listener.waitQueue.remove(this.#entry);
      this.#listener.release();
    }
    return this.#passages.finish();
  }

  destroy(): void {
    void this.close();
    this.#passages.destroy();
  }
}

/** What a guest sent before it ended still goes out, also while hands are being shaken. */
class Outward implements Passage {
  readonly #guest: GuestStream;
  #relay: Relay | undefined;
  #isFinishing = false;

  constructor(guest: GuestStream) {
    this.#guest = guest;
  }

  start(relay: Relay): Promise<void> {
    this.#relay = relay;
    if (this.#isFinishing) relay.finish();
    return relay.run();
  }

  finish(): void {
    this.#isFinishing = true;
    this.#relay?.finish();
  }

  destroy(): void {
    this.#guest.destroy();
  }
}

/** `HOST:PORT`; IPv6 addresses in brackets. */
function addressOf(text: string): TlsAddress {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/[[\]]/g, ''), port: Number(text.slice(at + 1)) };
}
