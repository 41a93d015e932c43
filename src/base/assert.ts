/**
 * Assertions, always on. A failed one means that Cloister itself is wrong; it ends the kernel
 * instance that meets it, never silently continues.
 */

/** A broken invariant of Cloister. */
export class AssertionFailure extends Error {
  readonly code = 'CLOISTER_ASSERT';
}

/** Throws {@link AssertionFailure} unless `condition` holds. */
export function assert(condition: unknown, message = 'broken invariant'): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** Marks a place that no value of the type can reach. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable value ${String(value)}`);
}
