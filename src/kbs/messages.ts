/** Whole messages over a stream: each has its length in 4 bytes before it, most significant first. */

import { concatBytes } from '../attest/bytes.ts';
import type { TlsConnection, TlsStream } from './tls.ts';

const LENGTH_BYTES = 4;
const FAREWELL_MS = 1000;

/** A stream while it carries messages. Nothing of what follows the last message is lost. */
export class MessageStream implements TlsConnection {
  readonly #stream: TlsStream;
  #rest = new Uint8Array(0);

  constructor(stream: TlsStream) {
    this.#stream = stream;
  }

  get peerCertificate(): Uint8Array | undefined {
    return this.#stream.peerCertificate;
  }

  exportKeyingMaterial(length: number, label: string, context: Uint8Array): Uint8Array {
    return this.#stream.exportKeyingMaterial(length, label, context);
  }

  send(message: Uint8Array): Promise<void> {
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint32(0, message.length);
    return this.#stream.write(concatBytes(length, message));
  }

  async receive(maximumBytes: number): Promise<Uint8Array> {
    const head = await this.#take(LENGTH_BYTES);
    const length = new DataView(head.buffer).getUint32(0);
    if (length > maximumBytes) throw new Error(`message of ${length} bytes refused`);
    return this.#take(length);
  }

  async #take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts = [this.#rest];
    for (let have = this.#rest.length; have < length; ) {
      const part = await this.#stream.read();
      if (part === undefined) throw new Error('the connection ended');
      parts.push(new Uint8Array(part));
      have += part.length;
    }
    const all = parts.length === 1 ? this.#rest : new Uint8Array(concatBytes(...parts));
    this.#rest = all.slice(length);
    return all.slice(0, length);
  }

  /** What was sent last, such as a refusal, still arrives; who does not read it is not waited for. */
  close(): void {
    const stream = this.#stream;
    const timer = setTimeout(() => stream.destroy(), FAREWELL_MS);
    const heard = async (): Promise<void> => {
      await stream.end();
      while ((await stream.read()) !== undefined);
    };
    heard()
      .catch(() => undefined)
      .then(() => {
        clearTimeout(timer);
        stream.destroy();
      });
  }

  /** The stream behind the last message. This object is not used afterwards. */
  remainder(): TlsStream {
    const stream = this.#stream;
    let rest: Uint8Array | undefined = this.#rest.length > 0 ? this.#rest : undefined;
    return {
      ...{ peer: stream.peer, protocol: stream.protocol, identity: stream.identity },
      peerCertificate: stream.peerCertificate,
      exportKeyingMaterial: (length, label, context) =>
        stream.exportKeyingMaterial(length, label, context),
      read() {
        const first = rest;
        rest = undefined;
        return first === undefined ? stream.read() : Promise.resolve(first);
      },
      write: (bytes) => stream.write(bytes),
      end: () => stream.end(),
      destroy: () => stream.destroy(),
    };
  }
}
