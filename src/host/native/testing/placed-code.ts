/** Machine code of tests in code memory, far from where other tests of this process put theirs. */

import type { CodeHost } from '../../../cpu/code-host.ts';
import type { ExitKind } from '../../../cpu/sandbox/layout.ts';

const ROOM = 16;

/**
 * Puts code at the next free place from `start` on, and behind it the exit of `kind`; returns its offset
 * in code memory.
 */
export function codePlacer(
  { code, stubs }: CodeHost,
  start: number,
): (bytes: readonly number[], kind: ExitKind) => number {
  let next = start;
  return (bytes, kind) => {
    const at = next;
    code.bytes.set(bytes, at);
    next += bytes.length;
    const jump = new DataView(new ArrayBuffer(5));
    jump.setUint8(0, 0xe9);
    jump.setInt32(1, (stubs.exits[kind] as number) - (code.executable + next + 5), true);
    code.bytes.set(new Uint8Array(jump.buffer), next);
    next += ROOM;
    return at;
  };
}
