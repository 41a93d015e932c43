/**
 * TLS 1.3 over node:tls for attested channels. Certificates are self-signed and not judged here: what
 * the peer is worth is decided by its evidence. Sessions are not resumed: each connection shows its
 * certificate anew.
 */
import { Buffer } from 'node:buffer';
import { constants } from 'node:crypto';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import type {
  IncomingTls,
  TlsHost,
  TlsIdentity,
  TlsListener,
  TlsOptions,
  TlsServerOptions,
  TlsStream,
} from '../kbs/tls.ts';

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;

const contexts = new WeakMap<TlsIdentity, ReturnType<typeof createSecureContext>>();

function contextOf(identity: TlsIdentity): ReturnType<typeof createSecureContext> {
  const known = contexts.get(identity);
  if (known !== undefined) return known;
  const made = createSecureContext({
    cert: pem('CERTIFICATE', identity.certificate),
    key: pem('PRIVATE KEY', identity.privateKey),
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  contexts.set(identity, made);
  return made;
}

/** A connection that ended where its protocol does not allow it. */
class CutOff extends Error {
  readonly code = 'ECONNRESET';
}

/**
 * The TCP connection below TLS. Its end is kept from node:tls, which takes it for close_notify: so
 * anyone on the way could cut a stream, and the program would take the part for the whole.
 */
class Transport extends Duplex {
  readonly #socket: Socket;
  /** TCP has ended, and TLS has been given everything. */
  hasEnded = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.emit('cut');
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

class NodeTlsStream implements TlsStream {
  readonly identity: TlsIdentity;
  readonly peer: string;
  readonly #socket: TLSSocket;
  readonly #transport: Transport;
  #error: Error | undefined;
  /** Who waits for bytes, and who for room. */
  #onReadable: (() => void) | undefined;
  #onWritable: (() => void) | undefined;

  constructor(socket: TLSSocket, transport: Transport, peer: string, options: TlsOptions) {
    this.#socket = socket;
    this.#transport = transport;
    this.peer = peer;
    this.identity = options.identity;
    const fail = (error: Error): void => {
      this.#error ??= error;
      this.#wake();
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new CutOff('the connection was closed')));
    socket.on('readable', () => this.#onReadable?.());
    socket.on('end', () => this.#onReadable?.());
    socket.on('drain', () => this.#onWritable?.());
    transport.on('cut', () => this.#onReadable?.());
    socket.setTimeout(options.idleMs, () => socket.destroy(new CutOff('nothing moved for long')));
  }

  #wake(): void {
    this.#onReadable?.();
    this.#onWritable?.();
  }

  get protocol(): string | undefined {
    return this.#socket.alpnProtocol || undefined;
  }

  get peerCertificate(): Uint8Array | undefined {
    const certificate = this.#socket.getPeerX509Certificate();
    return certificate && new Uint8Array(certificate.raw);
  }

  exportKeyingMaterial(length: number, label: string, context: Uint8Array): Uint8Array {
    return new Uint8Array(this.#socket.exportKeyingMaterial(length, label, Buffer.from(context)));
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const attempt = (): void => {
        const chunk: Buffer | null = this.#error === undefined ? this.#socket.read() : null;
        const isOver = chunk !== null || this.#socket.readableEnded || this.#error !== undefined;
        if (!isOver) {
          // The end of TLS is told a tick after its last byte; the end of TCP must not overtake it.
          if (this.#isDrained) setImmediate(() => this.#refuseCut());
          return;
        }
        this.#onReadable = undefined;
        if (chunk !== null) resolve(chunk);
        else if (this.#socket.readableEnded) resolve(undefined);
        else reject(this.#error);
      };
      this.#onReadable = attempt;
      attempt();
    });
  }

  get #isDrained(): boolean {
    const { hasEnded, readableLength } = this.#transport;
    return hasEnded && readableLength === 0 && this.#socket.readableLength === 0;
  }

  #refuseCut(): void {
    if (this.#socket.readableEnded || !this.#isDrained) return;
    this.#socket.destroy(new CutOff('the connection ended without close_notify'));
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#socket.write(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#onWritable = () => {
        this.#onWritable = undefined;
        if (this.#error === undefined) resolve();
        else reject(this.#error);
      };
    });
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) reject(this.#error);
      else this.#socket.end((error?: Error | null) => (error ? reject(error) : resolve()));
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The stream once hands are shaken, by `deadlineMs`; else everything is closed. */
function secured(
  socket: TLSSocket,
  transport: Transport,
  peer: string,
  options: TlsOptions,
): Promise<TlsStream> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      transport.destroy();
      socket.destroy();
      reject(inWords(error));
    };
    const timer = setTimeout(
      () => fail(new CutOff(`no TLS handshake within ${options.handshakeMs} ms`)),
      options.handshakeMs,
    );
    const cut = (): void => fail(new CutOff('the connection ended within the TLS handshake'));
    socket.on('error', fail);
    socket.once('close', cut);
    transport.once('cut', cut);
    socket.once('secure', () => {
      clearTimeout(timer);
      transport.off('cut', cut);
      socket.off('close', cut);
      const stream = new NodeTlsStream(socket, transport, peer, options);
      socket.off('error', fail);
      resolve(stream);
    });
  });
}

/** OpenSSL's errors name files and lines of its own; what people want is the reason among it. */
function inWords(error: Error & { readonly reason?: unknown }): Error {
  if (typeof error.reason !== 'string') return error;
  return new Error(`the TLS handshake failed: ${error.reason}`, { cause: error });
}

function addressText({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  return remoteAddress.includes(':')
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}

function incoming(socket: Socket): IncomingTls {
  const peer = addressText(socket);
  // Until hands are shaken nobody else listens.
  const onError = (): void => void socket.destroy();
  socket.on('error', onError);
  return {
    peer,
    secure(options: TlsServerOptions) {
      const transport = new Transport(socket);
      const tls = new TLSSocket(transport, {
        ...{ isServer: true, secureContext: contextOf(options.identity) },
        ...{ requestCert: options.asksForCertificate, rejectUnauthorized: false },
        ...(options.protocols.length > 0 ? { ALPNProtocols: [...options.protocols] } : {}),
      });
      return secured(tls, transport, peer, options);
    },
    destroy: onError,
  };
}

export const nodeTlsHost: TlsHost = {
  connect: ({ host, port }, options) =>
    new Promise((resolve, reject) => {
      const socket = connectTcp({ host, port, allowHalfOpen: true, noDelay: true });
      const fail = (error: Error): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(error);
      };
      const timer = setTimeout(
        () => fail(new CutOff(`no connection within ${options.handshakeMs} ms`)),
        options.handshakeMs,
      );
      socket.once('error', fail);
      socket.once('connect', () => {
        clearTimeout(timer);
        const transport = new Transport(socket);
        socket.off('error', fail);
        const tls = connect({
          ...{ socket: transport, secureContext: contextOf(options.identity) },
          ...{ rejectUnauthorized: false, minVersion: 'TLSv1.3' as const },
          ...(options.protocols.length > 0 ? { ALPNProtocols: [...options.protocols] } : {}),
          // RFC 6066: a name, never an address.
          ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
        });
        resolve(secured(tls, transport, addressText(socket), options));
      });
    }),
  listen: ({ host, port }, accept) =>
    new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
      server.on('connection', (socket) => accept(incoming(socket)));
      server.once('error', reject);
      server.listen({ host, port, backlog: 1024 }, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        const listener: TlsListener = {
          port: (server.address() as AddressInfo).port,
          close: () => void server.close(),
        };
        resolve(listener);
      });
    }),
};
