/**
 * Fixups: how to get from an interrupted host instruction inside a rewrite to an exact guest
 * instruction boundary. A guest instruction that became several host instructions has one record
 * for each of them but the first, which starts with the guest's exact state. Applied by the
 * platform after a fault or a tick; the records are data beside the unit, never executed.
 */

/** Integers a record takes: host offset, guest RIP, actions, adjustment of RSP. */
export const FIXUP_INTS = 4;

/** Actions: low byte and second byte restore a register from a spill slot, see {@link restore}. */
const RESTORE_VALID = 0x80;

/** RIP is the return address at gs:[rsp − 8]: in the landing of a return. */
export const FIX_RIP_RETURN = 1 << 16;
/** RIP stands in fs:[target]: in the landing of an indirect jump or call. */
export const FIX_RIP_TARGET = 1 << 17;
/** RDI, RSI hold host pointers: subtract B; high halves from spills 2 and 3. */
export const FIX_UNBASE_RDI = 1 << 18;
export const FIX_UNBASE_RSI = 1 << 19;
/** RDI, RSI as they were: from spills 2 and 3. */
export const FIX_RELOAD_RDI = 1 << 20;
export const FIX_RELOAD_RSI = 1 << 21;

/** The action that reloads `register` from spill slot `slot`. */
export function restore(register: number, slot: number): number {
  return RESTORE_VALID | (register << 3) | slot;
}

/** A second register beside the first. */
export function alsoRestore(actions: number, register: number, slot: number): number {
  return actions | (restore(register, slot) << 8);
}

/** Calls `apply(register, slot)` for each register that `actions` restores from a spill slot. */
export function forEachRestore(
  actions: number,
  apply: (register: number, slot: number) => void,
): void {
  for (const shift of [0, 8]) {
    const action = (actions >> shift) & 0xff;
    if (action & RESTORE_VALID) apply((action >> 3) & 15, action & 7);
  }
}
