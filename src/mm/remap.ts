/** mremap(2). */

import { EFAULT, EINVAL, ENOMEM, EPERM } from '../abi/errno.table.ts';
import { MREMAP } from '../abi/mman.ts';
import type { Interval } from '../base/interval-map.ts';
import { isCharged } from './budget.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import { continuation, type Mapping, retainMapping, shifted } from './mapping.ts';
import { PROT_READ, PROT_WRITE } from './page-host.ts';
import { PAGE, roundUp } from './page-math.ts';
import { GUEST_HIGH, GUEST_LOW } from './placement.ts';

const KNOWN_FLAGS = MREMAP.MREMAP_MAYMOVE | MREMAP.MREMAP_FIXED | MREMAP.MREMAP_DONTUNMAP;

export function remapRange(
  space: GuestAddressSpace,
  addr: number,
  oldLength: number,
  newLength: number,
  flags: number,
  newAddr: number,
): number {
  const mayMove = (flags & MREMAP.MREMAP_MAYMOVE) !== 0;
  const fixed = (flags & MREMAP.MREMAP_FIXED) !== 0;
  const keeps = (flags & MREMAP.MREMAP_DONTUNMAP) !== 0;
  const oldBytes = roundUp(oldLength);
  const newBytes = roundUp(newLength);
  if ((flags & ~KNOWN_FLAGS) !== 0 || addr % PAGE !== 0 || addr < 0) return -EINVAL;
  if (newLength <= 0 || (fixed && !mayMove) || (keeps && (!mayMove || oldBytes !== newBytes)))
    return -EINVAL;
  if (newBytes >= 2 ** 32) return fixed ? -EINVAL : -ENOMEM;
  if (fixed) {
    if (newAddr % PAGE !== 0 || newAddr < GUEST_LOW || newAddr + newBytes > GUEST_HIGH)
      return -EINVAL;
    if (newAddr < addr + oldBytes && addr < newAddr + newBytes) return -EINVAL;
  }
  const item = space.mappingTable.find(addr);
  if (item === undefined) return -EFAULT;
  if (item.value.sealed) return -EPERM;
  if (fixed && space.isSealed(newAddr, newAddr + newBytes)) return -EPERM;
  if (oldBytes === 0) {
    if (!item.value.shared || !mayMove) return -EINVAL;
    return duplicate(space, item, addr, newBytes, fixed ? newAddr : -1);
  }
  if (!fixed && !keeps && newBytes <= oldBytes) {
    // Only what grows or moves must be mapped all the way.
    if (newBytes < oldBytes) space.unmap(addr + newBytes, oldBytes - newBytes);
    return addr;
  }
  if (addr + oldBytes > item.end) return -EFAULT;
  if (!fixed && !keeps) {
    if (growsInPlace(space, item, addr + oldBytes, newBytes - oldBytes)) return addr;
    if (!mayMove) return -ENOMEM;
  }
  return move(space, item, addr, oldBytes, newBytes, fixed ? newAddr : -1, keeps);
}

/** More of the same mapping directly behind it. */
function growsInPlace(
  space: GuestAddressSpace,
  item: Interval<Mapping>,
  end: number,
  more: number,
): boolean {
  if (end !== item.end || end + more > GUEST_HIGH) return false;
  if (!space.mappingTable.isFree(end, end + more)) return false;
  return extend(space, shifted(item.value, end - item.start), end, more) === 0;
}

/** Maps `length` bytes at a free place as the continuation `mapping` says. 0 or -errno. */
function extend(space: GuestAddressSpace, before: Mapping, addr: number, length: number): number {
  const mapping = continuation(before);
  if (space.mappedPages * PAGE + length > space.limitAddressSpace) return -ENOMEM;
  if (isCharged(mapping) && !space.budget.admits(length)) return -ENOMEM;
  const { file } = mapping;
  if (file !== undefined) {
    const mapped = space.map({
      addr,
      length,
      prot: mapping.prot,
      maxProt: mapping.maxProt,
      shared: mapping.shared,
      file,
      fileOffset: mapping.fileOffset,
      label: mapping.label,
      noReplace: true,
    });
    return Math.min(mapped, 0);
  }
  // Shared anonymous memory has the size that it was made with; behind it Linux raises SIGBUS.
  const failed = space.showPages(addr, length, mapping);
  if (failed < 0) return failed;
  retainMapping(mapping);
  space.insertMapping(addr, addr + length, mapping);
  return 0;
}

/** oldLength 0 of a shared mapping: the same memory at a second place. */
function duplicate(
  space: GuestAddressSpace,
  item: Interval<Mapping>,
  addr: number,
  length: number,
  fixedAt: number,
): number {
  const to = target(space, length, fixedAt);
  if (to < 0) return to;
  const mapping = shifted(item.value, addr - item.start);
  const failed = space.showPages(to, length, mapping, space.shownBytes(mapping, length));
  if (failed < 0) return failed;
  retainMapping(mapping);
  space.insertMapping(to, to + length, mapping);
  return to;
}

/** A free range of its own, or the fixed one, cleared. */
function target(space: GuestAddressSpace, length: number, fixedAt: number): number {
  if (fixedAt >= 0) {
    const cleared = space.unmap(fixedAt, length);
    return cleared < 0 ? cleared : fixedAt;
  }
  return space.choosePlace(length);
}

function move(
  space: GuestAddressSpace,
  item: Interval<Mapping>,
  from: number,
  oldBytes: number,
  newBytes: number,
  fixedAt: number,
  keeps: boolean,
): number {
  const to = target(space, newBytes, fixedAt);
  if (to < 0) return to;
  const kept = Math.min(oldBytes, newBytes);
  const mapping = shifted(item.value, from - item.start);
  // What is new comes first: where it is refused, the old range is as it was.
  if (newBytes > kept) {
    const failed = extend(space, shifted(mapping, kept), to + kept, newBytes - kept);
    if (failed < 0) return failed;
  }
  space.codeChanged(from, oldBytes);
  const moved = movePages(space, from, to, kept, mapping);
  if (moved < 0) {
    if (newBytes > kept) space.unmap(to + kept, newBytes - kept);
    return moved;
  }
  // The mapping goes along with its references; what is left of the old range is unmapped.
  const pieces = space.removeMappings(from, from + kept);
  for (const { start, end, value } of pieces)
    space.insertMapping(to + start - from, to + end - from, value);
  if (kept < oldBytes) space.unmap(from + kept, oldBytes - kept);
  if (keeps) leaveBehind(space, from, oldBytes, mapping);
  return to;
}

/** MREMAP_DONTUNMAP: the old range is a mapping as before, without the pages that went along. */
function leaveBehind(space: GuestAddressSpace, addr: number, length: number, mapping: Mapping) {
  const { prot, maxProt, label, shared, file, fileOffset } = mapping;
  if (!shared || file !== undefined) {
    space.map({ addr, length, prot, maxProt, label, shared, file, fileOffset, fixed: true });
    return;
  }
  if (space.showPages(addr, length, mapping, space.shownBytes(mapping, length)) < 0) return;
  retainMapping(mapping);
  space.insertMapping(addr, addr + length, mapping);
}

/** Page tables move; where the host refuses (several host mappings), the pages are copied. */
function movePages(
  space: GuestAddressSpace,
  from: number,
  to: number,
  length: number,
  mapping: Mapping,
): number {
  const shown = space.shownBytes(mapping, length);
  if (shown === 0) return 0;
  if (space.pages.move(from, to, shown) === 0) return 0;
  const runs = space.pages.privateRuns(from, shown);
  if (typeof runs === 'number') return -runs;
  const open = { ...mapping, prot: PROT_READ | PROT_WRITE };
  const failed = space.showPages(to, length, open, shown);
  if (failed < 0) return failed;
  if (mapping.prot === 0) space.pages.protect(from, shown, PROT_READ);
  for (let n = 0; n < runs.length; n += 2) {
    const start = runs[n] as number;
    const copied = space.pages.copyWithin(
      start,
      to + start - from,
      (runs[n + 1] as number) - start,
    );
    if (copied !== 0) return -copied;
  }
  const closed = space.pages.protect(to, shown, mapping.prot);
  if (closed !== 0) return -closed;
  return -space.pages.unmap(from, length);
}
