/**
 * Cloister's end of a connection over the instance's own loopback, as a {@link ByteStream}: the other
 * end is a guest's. Nothing of it reaches the host's network.
 */

import { EAGAIN, ECONNREFUSED, EINPROGRESS } from '../../abi/errno.table.ts';
import { AF, SO, SOCK, SOL_SOCKET } from '../../abi/socket.ts';
import type { ByteStream } from '../../base/byte-stream.ts';
import { WaitEntry, type Waiter } from '../../base/wait-queue.ts';
import { encodeEndpoint } from '../../net/endpoint.ts';
import { type Ip, LOOPBACK4, LOOPBACK6 } from '../../net/ip.ts';
import type { NetStack } from '../../net/net-stack.ts';
import { TcpSocket } from '../../net/tcp-socket.ts';
import type { Credentials } from '../../vfs/credentials.ts';

/** What a loopback address needs to be reached. */
export interface Inside {
  readonly net: NetStack;
  /** Whose sockets they are: root's. */
  readonly credentials: Credentials;
  /** Guests may have something to do. */
  wake(): void;
}

const CHUNK_BYTES = 65_536;
const CLOISTER = { pid: 0, uid: 0, gid: 0 };

/** A socket of Cloister's own in the instance. */
export function insideSocket({ net, credentials }: Inside, ip: Ip): TcpSocket {
  const family = ip.isV4 ? AF.AF_INET : AF.AF_INET6;
  const socket = net.create(family, SOCK.SOCK_STREAM, 0, credentials, CLOISTER, true);
  if (!(socket instanceof TcpSocket)) throw new Error('no socket inside');
  return socket;
}

/** The loopback address at which a guest listens on `port`; undefined: none does. */
export function listenerAt({ net }: Inside, port: number): Ip | undefined {
  const from = (ip: Ip) => ({ ip, port: 0 });
  const { tcp } = net.internet;
  return [LOOPBACK4, LOOPBACK6].find((ip) => tcp.find({ ip, port }, from(ip)) !== undefined);
}

/** Connects to a guest's server. Rejects when none listens there, or has no room by `signal`. */
export async function connectInside(
  inside: Inside,
  port: number,
  signal: AbortSignal,
): Promise<GuestStream> {
  const ip = listenerAt(inside, port);
  if (ip === undefined) throw new InsideError(`nothing listens on port ${port} inside`);
  const socket = insideSocket(inside, ip);
  const stream = new GuestStream(socket, inside);
  const abort = (): void => stream.destroy();
  signal.addEventListener('abort', abort);
  try {
    const started = socket.connect(encodeEndpoint(socket.family, { ip, port }));
    if (started < 0 && started !== -EINPROGRESS)
      throw new InsideError(`connecting inside failed (errno ${-started})`);
    await stream.connected();
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The guest refused, went away, or broke the connection off. */
export class InsideError extends Error {
  readonly code = 'CLOISTER_INSIDE';
}

export class GuestStream implements ByteStream, Waiter {
  readonly #socket: TcpSocket;
  readonly #inside: Inside;
  readonly #entry = new WaitEntry(this);
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  /** Who waits for the socket to change: a reader, a writer. */
  #waiting: (() => void)[] = [];
  #hasEnded = false;
  #hasPeerEnded = false;
  #isGone = false;

  constructor(socket: TcpSocket, inside: Inside) {
    this.#socket = socket;
    this.#inside = inside;
    socket.waitQueue.add(this.#entry);
  }

  onWake(): boolean {
    const { length } = this.#waiting;
    if (length > 0) {
      for (const resolve of this.#waiting.splice(0, length)) resolve();
      // What was promised goes on when the event loop has its turn.
      this.#inside.wake();
    }
    return false;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Calls until it does not answer -EAGAIN; 0 or more. */
  async #retried(call: () => number, what: string): Promise<number> {
    for (;;) {
      if (this.#isGone) throw new InsideError('the connection inside was given up');
      const result = call();
      this.#inside.wake();
      if (result >= 0) return result;
      if (result === -ECONNREFUSED) throw new InsideError('nothing listens there any more');
      if (result !== -EAGAIN) throw new InsideError(`${what} inside failed (errno ${-result})`);
      await this.#change();
    }
  }

  async connected(): Promise<void> {
    await this.#retried(() => this.#socket.finishConnect(), 'connecting');
  }

  async read(): Promise<Uint8Array | undefined> {
    const buffer = this.#buffer;
    const receive = (): number => this.#socket.read(buffer, 0, buffer.length);
    const count = await this.#retried(receive, 'receiving');
    if (count === 0) this.#hasPeerEnded = true;
    return count === 0 ? undefined : buffer.slice(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const send = (): number => this.#socket.write(bytes, at, bytes.length - at);
      at += await this.#retried(send, 'sending');
    }
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#socket.shutdown(false, true);
    this.#inside.wake();
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const socket = this.#socket;
    // Closed as it is, a broken stream would look like one that ended.
    if (!(this.#hasEnded && this.#hasPeerEnded)) resetOnClose(socket);
    socket.waitQueue.remove(this.#entry);
    socket.release();
    this.onWake();
    this.#inside.wake();
  }
}

/** SO_LINGER with time 0. */
function resetOnClose(socket: TcpSocket): void {
  const linger = new Uint8Array(8);
  linger[0] = 1;
  socket.setOption(SOL_SOCKET, SO.SO_LINGER, linger, socket.credentials);
}
