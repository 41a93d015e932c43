/** mlock(2): whether pages of a mapping are locked: all of them, or each once it was touched. */

export const LOCK = { none: 0, all: 1, onFault: 2 } as const;
export type LockKind = (typeof LOCK)[keyof typeof LOCK];
