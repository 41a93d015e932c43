/**
 * Joins a guest's stream and one outside: bytes, ends and breaks of each reach the other; who does not
 * read holds the other up.
 */

import type { ByteStream } from '../../base/byte-stream.ts';

export class Relay {
  readonly #inside: ByteStream;
  readonly #outside: ByteStream;
  #hasInsideEnded = false;
  #isFinishing = false;

  constructor(inside: ByteStream, outside: ByteStream) {
    this.#inside = inside;
    this.#outside = outside;
  }

  /** Resolves when both have ended, or one broke off; both are gone by then. Never rejects. */
  async run(): Promise<void> {
    try {
      await Promise.all([this.#carryOut(), carry(this.#outside, this.#inside)]);
    } catch {
      // The break of one end is the end of the other; whose program it is sees a reset.
    } finally {
      this.destroy();
    }
  }

  async #carryOut(): Promise<void> {
    await carry(this.#inside, this.#outside);
    this.#hasInsideEnded = true;
    if (this.#isFinishing) this.destroy();
  }

  /** What came from inside was carried out up to its end; false after a break. */
  get hasInsideEnded(): boolean {
    return this.#hasInsideEnded;
  }

  /** No guest lives any more: what they sent is still carried out, and nothing is waited for then. */
  finish(): void {
    this.#isFinishing = true;
    if (this.#hasInsideEnded) this.destroy();
  }

  destroy(): void {
    this.#inside.destroy();
    this.#outside.destroy();
  }
}

async function carry(from: ByteStream, to: ByteStream): Promise<void> {
  for (;;) {
    const bytes = await from.read();
    if (bytes === undefined) return to.end();
    await to.write(bytes);
  }
}
