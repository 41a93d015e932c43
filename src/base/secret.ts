/**
 * The one holder of secret bytes. It shows itself as `[secret]` wherever values are turned into
 * text, gives its bytes only to a function for the time of a call, and is zeroed when disposed.
 *
 * JavaScript cannot promise that no copy remains (engines move objects, callers may copy): this
 * keeps secrets out of logs, messages and long-lived objects, not out of a memory dump.
 */
import { assert } from './assert.ts';

const SHOWN = '[secret]';

export class Secret implements Disposable {
  readonly #bytes: Uint8Array;
  #disposed = false;

  /** Takes ownership: the given array is the one that is zeroed, so the caller keeps no copy. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Calls `action` with the bytes; they must not be kept. */
  use<T>(action: (bytes: Uint8Array) => T): T {
    assert(!this.#disposed, 'secret used after it was disposed');
    return action(this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#bytes.fill(0);
    this.#disposed = true;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN;
  }
}
