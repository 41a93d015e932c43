/** Ends a turn of the event loop. */

/**
 * What a WeakRef was asked for lives until the turn ends (ECMA-262, 9.9.3): a loop over many volumes
 * that never ends its turn keeps every one of them.
 */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
