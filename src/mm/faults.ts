/** What an access that the processor refused means to the guest. */

import { FAULT_CODE } from '../abi/mman.ts';
import type { FaultAccess, FaultVerdict } from './address-space.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import { continuation } from './mapping.ts';
import { PROT_EXEC, PROT_WRITE } from './page-host.ts';
import { PAGE, roundDown } from './page-math.ts';
import { GUEST_LOW } from './placement.ts';

const SIGBUS = 7;
const SIGSEGV = 11;
/** stack_guard_gap of Linux: 256 pages between a growing stack and what lies below. */
const GUARD_GAP = 256 * PAGE;
/** A stack grows by at least this, where there is room: fewer faults. */
const GROWTH_BYTES = 16 * PAGE;

const HANDLED: FaultVerdict = { kind: 'handled' };

function signal(number: number, code: number): FaultVerdict {
  return { kind: 'signal', signal: number, code };
}

export function classifyFault(
  space: GuestAddressSpace,
  addr: number,
  access: FaultAccess,
  _stackPointer: number,
): FaultVerdict {
  if (addr < 0 || addr >= 2 ** 32) return signal(SIGSEGV, FAULT_CODE.SEGV_MAPERR);
  const found = space.mappingTable.find(addr);
  if (found === undefined)
    return expandStack(space, addr) ? HANDLED : signal(SIGSEGV, FAULT_CODE.SEGV_MAPERR);
  const { prot, file, shared } = found.value;
  const allowed =
    access === 'read' ? prot !== 0 : (prot & (access === 'write' ? PROT_WRITE : PROT_EXEC)) !== 0;
  if (!allowed) return signal(SIGSEGV, FAULT_CODE.SEGV_ACCERR);
  if (access === 'write' && space.isWriteProtected(addr)) return HANDLED;
  // The guest may do this: the page itself is missing (end of file, truncated, host out of memory).
  if (file !== undefined || shared || found.value.source)
    return signal(SIGBUS, FAULT_CODE.BUS_ADRERR);
  return HANDLED;
}

/** Extends the stack above `addr` down to it, if there is one and its limit allows. */
export function expandStack(space: GuestAddressSpace, addr: number): boolean {
  const stack = space.mappingTable.findAfter(addr);
  if (stack === undefined || !stack.value.growsDown || stack.start <= addr) return false;
  const lowest = Math.max(GUEST_LOW, stack.end - Math.min(space.limitStack, stack.end));
  const below = space.mappingTable.findBefore(stack.start);
  const isNear = below !== undefined && below.value.prot !== 0 && !below.value.growsDown;
  const floor = Math.max(lowest, below === undefined ? 0 : below.end + (isNear ? GUARD_GAP : 0));
  const page = roundDown(addr);
  if (page < floor) return false;
  const start = Math.max(
    Math.ceil(floor / PAGE) * PAGE,
    Math.min(page, stack.start - GROWTH_BYTES),
  );
  const mapping = continuation(stack.value);
  const length = stack.start - start;
  if (space.mappedPages * PAGE + length > space.limitAddressSpace) return false;
  if (space.pages.mapAnonymous(start, length, mapping.prot) !== 0) return false;
  space.insertMapping(start, stack.start, mapping);
  return true;
}
