/**
 * TLS 1.3 over node:tls for attested channels. Certificates are self-signed and not judged here:
 * what the peer is worth is decided by its evidence. Messages have their length in four bytes before
 * them.
 */
import { Buffer } from 'node:buffer';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { TlsConnection, TlsHost, TlsIdentity } from '../kbs/tls.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;

const credentials = (identity: TlsIdentity) => ({
  cert: pem('CERTIFICATE', identity.certificate),
  key: pem('PRIVATE KEY', identity.privateKey),
  minVersion: 'TLSv1.3' as const,
  rejectUnauthorized: false,
});

/** Cuts the stream into messages. */
class MessageReader {
  #buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: TLSSocket) {
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
    });
    const end = () => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on('close', end);
    socket.on('error', end);
    socket.on('timeout', () => socket.destroy());
  }

  async next(maximumBytes: number): Promise<Uint8Array> {
    const length = (await this.#take(4)).readUInt32BE(0);
    if (length > maximumBytes) throw new Error(`message of ${length} bytes refused`);
    return new Uint8Array(await this.#take(length));
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) {
      if (this.#ended) throw new Error('the connection ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const part = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return Buffer.from(part);
  }
}

function connectionOf(socket: TLSSocket): TlsConnection {
  socket.setTimeout(HANDSHAKE_TIMEOUT_MS);
  const reader = new MessageReader(socket);
  const peer = socket.getPeerX509Certificate();
  return {
    peerCertificate: peer && new Uint8Array(peer.raw),
    exportKeyingMaterial: (length, label, context) =>
      new Uint8Array(socket.exportKeyingMaterial(length, label, Buffer.from(context))),
    send: (message) =>
      new Promise((resolve, reject) => {
        const frame = Buffer.alloc(4 + message.length);
        frame.writeUInt32BE(message.length, 0);
        frame.set(message, 4);
        socket.write(frame, (error) => (error ? reject(error) : resolve()));
      }),
    receive: (maximumBytes) => reader.next(maximumBytes),
    // End, not destroy: what was sent last, such as a refusal, still arrives.
    close: () => socket.end(),
  };
}

export const nodeTlsHost: TlsHost = {
  connect: (host, port, identity) =>
    new Promise((resolve, reject) => {
      const options = { host, port, ...credentials(identity) };
      const socket = tlsConnect(options, () => resolve(connectionOf(socket)));
      socket.once('error', reject);
    }),
  listen: (host, port, identity, accept) =>
    new Promise((resolve, reject) => {
      const options = { ...credentials(identity), requestCert: true };
      const server = createServer(options, (socket) => accept(connectionOf(socket)));
      server.on('tlsClientError', (_, socket) => socket.destroy());
      server.once('error', reject);
      server.listen(port, host, () =>
        resolve({
          port: (server.address() as AddressInfo).port,
          close: () => new Promise((done) => server.close(() => done())),
        }),
      );
    }),
};
