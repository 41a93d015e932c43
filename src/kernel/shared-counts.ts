/**
 * Counts of tasks that share an object which knows nothing of tasks: address spaces (CLONE_VM),
 * file system contexts (CLONE_FS).
 */

import { assert } from '../base/assert.ts';

export class SharedCounts<T extends object> {
  readonly #counts = new Map<T, number>();
  readonly #release: (value: T) => void;

  constructor(release: (value: T) => void) {
    this.#release = release;
  }

  /** One more task uses `value`. */
  enter(value: T): T {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
    return value;
  }

  /** One less; the last one releases it. */
  leave(value: T): void {
    const count = this.#counts.get(value);
    assert(count !== undefined && count > 0, 'shared object is counted');
    if (count > 1) {
      this.#counts.set(value, count - 1);
      return;
    }
    this.#counts.delete(value);
    this.#release(value);
  }

  users(value: T): number {
    return this.#counts.get(value) ?? 0;
  }
}
