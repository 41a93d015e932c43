/** TLS as attested channels need it; `host/` implements it over node:tls. */

/** One TLS 1.3 connection that carries whole messages. */
export interface TlsConnection {
  /** DER of the certificate that the peer showed and proved to hold the key of. */
  readonly peerCertificate: Uint8Array | undefined;
  /** RFC 8446, section 7.5: a secret that only the two ends of this connection know. */
  exportKeyingMaterial(length: number, label: string, context: Uint8Array): Uint8Array;
  /** Sends one message. */
  send(message: Uint8Array): Promise<void>;
  /** The next message, at most `maximumBytes`; rejects when the connection ends or time is up. */
  receive(maximumBytes: number): Promise<Uint8Array>;
  close(): void;
}

/** The certificate and key that this side shows; the peer's is not judged here, but by evidence. */
export interface TlsIdentity {
  readonly certificate: Uint8Array;
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array;
}

export interface TlsHost {
  /** TLS 1.3 or nothing. */
  connect(host: string, port: number, identity: TlsIdentity): Promise<TlsConnection>;
  listen(
    host: string,
    port: number,
    identity: TlsIdentity,
    accept: (connection: TlsConnection) => void,
  ): Promise<{ readonly port: number; close(): Promise<void> }>;
}
