/** Bytes both ways between two programs, pulled by whoever reads: what is not read is not taken. */
export interface ByteStream {
  /**
   * The next bytes, at least one; undefined at the end that the other side declared. Rejects when the
   * connection broke off, or was destroyed. One call at a time.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves once there is room for more. The bytes belong to the stream from now on. */
  write(bytes: Uint8Array): Promise<void>;
  /** Declares the end of what this side sends; what the other side sends still arrives. */
  end(): Promise<void>;
  /** Gives the connection up; a reset for the other side unless both had ended. */
  destroy(): void;
}
