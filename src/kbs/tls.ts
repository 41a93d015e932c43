/** TLS as attested channels need it; `host/` implements it over node:tls. */

import type { ByteStream } from '../base/byte-stream.ts';

/** What a TLS 1.3 connection is bound to. */
export interface TlsFacts {
  /** DER of the certificate that the peer showed and proved to hold the key of. */
  readonly peerCertificate: Uint8Array | undefined;
  /** RFC 8446, section 7.5: a secret that only the two ends of this connection know. */
  exportKeyingMaterial(length: number, label: string, context: Uint8Array): Uint8Array;
}

/** One TLS 1.3 connection that carries whole messages. */
export interface TlsConnection extends TlsFacts {
  /** Sends one message. */
  send(message: Uint8Array): Promise<void>;
  /** The next message, at most `maximumBytes`; rejects when the connection ends or time is up. */
  receive(maximumBytes: number): Promise<Uint8Array>;
  close(): void;
}

/** One TLS 1.3 connection as a stream. An end without close_notify (RFC 8446, 6.1) breaks it off. */
export interface TlsStream extends TlsFacts, ByteStream {
  /** The application protocol that was agreed upon (ALPN, RFC 7301). */
  readonly protocol: string | undefined;
  /** The identity that this side showed or would have shown. */
  readonly identity: TlsIdentity;
  /** The address of the other end, for logs: nothing that may be trusted. */
  readonly peer: string;
}

/** The certificate and key that this side shows; the peer's is not judged here, but by evidence. */
export interface TlsIdentity {
  readonly certificate: Uint8Array;
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
}

export interface TlsAddress {
  readonly host: string;
  readonly port: number;
}

export interface TlsOptions {
  readonly identity: TlsIdentity;
  /**
   * ALPN, the preferred first; none: not spoken. A server refuses clients that offer only others, and
   * serves those that offer none.
   */
  readonly protocols: readonly string[];
  /** The handshake must be over by then. */
  readonly handshakeMs: number;
  /** A connection on which nothing moves for so long is destroyed. */
  readonly idleMs: number;
}

export interface TlsServerOptions extends TlsOptions {
  /** Ask for the client's certificate; whether it came, and what it is worth, is for the caller. */
  readonly asksForCertificate: boolean;
}

/** A TCP connection that came to a listener; not a byte of it was read. */
export interface IncomingTls {
  readonly peer: string;
  /** Shakes hands. TLS 1.3 or nothing: rejects, and the connection is closed. */
  secure(options: TlsServerOptions): Promise<TlsStream>;
  destroy(): void;
}

export interface TlsListener {
  readonly port: number;
  /** Takes no more connections; those that are there stay. */
  close(): void;
}

export interface TlsHost {
  /** TLS 1.3 or nothing. */
  connect(to: TlsAddress, options: TlsOptions): Promise<TlsStream>;
  /** Port 0: the host chooses. Rejects when the address cannot be had. */
  listen(at: TlsAddress, accept: (incoming: IncomingTls) => void): Promise<TlsListener>;
}
