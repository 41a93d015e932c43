/** One end of a stream of bytes to somebody outside; implemented in `host/`, in memory in tests. */
export interface ByteConnection {
  /** From now on the listener hears of what happens; nothing is lost before. */
  start(listener: ConnectionListener): void;
  send(bytes: Uint8Array): void;
  /** Bytes that were sent and that the other end has not taken yet. */
  readonly pendingBytes: number;
  /** Ends the connection once everything is sent; answers when it is, or will never be. */
  close(): Promise<void>;
}

export interface ConnectionListener {
  onData(bytes: Uint8Array): void;
  /** The other end has taken everything. */
  onDrain(): void;
  /** Ended, by whichever end; called once. */
  onClose(): void;
}
