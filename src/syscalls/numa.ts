/**
 * Memory policies and moving pages between nodes (set_mempolicy(2), mbind(2), move_pages(2)): there
 * is one node, so they are checked and kept, and nothing moves.
 */

import { CAP_SYS_NICE } from '../abi/capability.ts';
import { EFAULT, EINVAL, ENODEV, ENOENT, EPERM, ESRCH } from '../abi/errno.table.ts';
import { mayInspect } from '../kernel/inspect.ts';
import type { Task } from '../kernel/task.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

const PAGE = 4096;
/** `MAX_NUMNODES`; the only node is 0. */
const MOST_NODES = 1024;

const MPOL = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const;
const MPOL_LAST = MPOL.MPOL_WEIGHTED_INTERLEAVE;
const MPOL_F_STATIC_NODES = 1 << 15;
const MPOL_F_RELATIVE_NODES = 1 << 14;
const MPOL_F_NUMA_BALANCING = 1 << 13;
const NODE_FLAGS = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
const MODE_FLAGS = NODE_FLAGS | MPOL_F_NUMA_BALANCING;
const GET = { MPOL_F_NODE: 1, MPOL_F_ADDR: 2, MPOL_F_MEMS_ALLOWED: 4 } as const;
const MOVE = { MPOL_MF_STRICT: 1, MPOL_MF_MOVE: 2, MPOL_MF_MOVE_ALL: 4 } as const;

/** Which nodes a mask names; anything above node 0 does not exist. */
interface NodeMask {
  readonly hasFirst: boolean;
  readonly hasOthers: boolean;
}

/** `get_nodes`: `maxNode` is one more than the bits that count. */
function readNodes(task: Task, addr: number, maxNode: number): NodeMask | number {
  // Unsigned: 0 wraps around.
  const bits = maxNode === 0 ? Number.MAX_SAFE_INTEGER : maxNode - 1;
  if (bits === 0 || addr === 0) return { hasFirst: false, hasOthers: false };
  if (bits > PAGE * 8) return -EINVAL;
  const bytes = new Uint8Array(Math.ceil(bits / 64) * 8);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  let hasOthers = false;
  for (let bit = 1; bit < bits; bit++)
    if ((((bytes[bit >> 3] as number) >> (bit & 7)) & 1) !== 0) {
      if (bit >= MOST_NODES) return -EINVAL;
      hasOthers = true;
    }
  return { hasFirst: ((bytes[0] as number) & 1) !== 0, hasOthers };
}

/** What a policy would be: `sanitize_mpol_flags`, `mpol_new`. A mode with its flags, or -errno. */
function checkPolicy(task: Task, given: number, maskAt: number, maxNode: number): number {
  const flags = given & MODE_FLAGS;
  const mode = given & ~MODE_FLAGS;
  if (mode < 0 || mode > MPOL_LAST || (flags & NODE_FLAGS) === NODE_FLAGS) return -EINVAL;
  const mayBalance = mode === MPOL.MPOL_BIND || mode === MPOL.MPOL_PREFERRED_MANY;
  if ((flags & MPOL_F_NUMA_BALANCING) !== 0 && !mayBalance) return -EINVAL;
  const nodes = readNodes(task, maskAt, maxNode);
  if (typeof nodes === 'number') return nodes;
  const isEmpty = !nodes.hasFirst && !nodes.hasOthers;
  if (mode === MPOL.MPOL_DEFAULT) return isEmpty ? mode : -EINVAL;
  const isLocal = mode === MPOL.MPOL_LOCAL || (mode === MPOL.MPOL_PREFERRED && isEmpty);
  if (isLocal) return isEmpty && (flags & NODE_FLAGS) === 0 ? MPOL.MPOL_LOCAL : -EINVAL;
  return nodes.hasFirst ? mode | flags : -EINVAL;
}

function sysSetMempolicy(task: Task, mode: number, maskAt: number, maxNode: number): number {
  const policy = checkPolicy(task, mode, maskAt, maxNode);
  if (policy < 0) return policy;
  task.memoryPolicy = policy;
  return 0;
}

function sysGetMempolicy(
  task: Task,
  modeAt: number,
  maskAt: number,
  maxNode: number,
  addr: number,
  flags: number,
): number {
  if (maskAt !== 0 && maxNode < 1) return -EINVAL;
  if ((flags & ~(GET.MPOL_F_NODE | GET.MPOL_F_ADDR | GET.MPOL_F_MEMS_ALLOWED)) !== 0)
    return -EINVAL;
  const ofAddress = (flags & GET.MPOL_F_ADDR) !== 0;
  const ofNode = (flags & GET.MPOL_F_NODE) !== 0;
  const { space, memoryPolicy } = task;
  let mode = ofAddress ? MPOL.MPOL_DEFAULT : memoryPolicy;
  let hasNode = mode !== MPOL.MPOL_DEFAULT && mode !== MPOL.MPOL_LOCAL;
  if ((flags & GET.MPOL_F_MEMS_ALLOWED) !== 0) {
    if (ofAddress || ofNode) return -EINVAL;
    mode = MPOL.MPOL_DEFAULT;
    hasNode = true;
  } else if (ofAddress) {
    if (space.areaAt(addr) === undefined) return -EFAULT;
    // The number of the node in place of the mode: 0.
    if (ofNode) mode = 0;
  } else if (addr !== 0) return -EINVAL;
  else if (ofNode) {
    if ((mode & ~MODE_FLAGS) !== MPOL.MPOL_INTERLEAVE) return -EINVAL;
    mode = 0;
  }
  if (modeAt !== 0 && space.writeU32(modeAt, mode) < 0) return -EFAULT;
  if (maskAt === 0) return 0;
  const bytes = new Uint8Array(Math.ceil(Math.min(maxNode, MOST_NODES) / 64) * 8);
  bytes[0] = Number(hasNode);
  return space.copyOut(maskAt, bytes) < 0 ? -EFAULT : 0;
}

function sysMbind(
  task: Task,
  addr: number,
  length: number,
  mode: number,
  maskAt: number,
  maxNode: number,
  flags: number,
): number {
  const policy = checkPolicy(task, mode, maskAt, maxNode);
  const known = MOVE.MPOL_MF_STRICT | MOVE.MPOL_MF_MOVE | MOVE.MPOL_MF_MOVE_ALL;
  if ((flags & ~known) !== 0) return -EINVAL;
  if ((flags & MOVE.MPOL_MF_MOVE_ALL) !== 0 && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  if (addr % PAGE !== 0) return -EINVAL;
  const end = addr + Math.ceil(length / PAGE) * PAGE;
  if (end > Number.MAX_SAFE_INTEGER) return -EINVAL;
  if (end === addr) return 0;
  if (policy < 0) return policy;
  for (let at = addr; at < end; ) {
    const area = task.space.areaAt(at);
    if (area === undefined) return -EFAULT;
    at = area.end;
  }
  return 0;
}

/** Whose pages: 0 is the caller. */
function spaceOf(task: Task, pid: number): AddressSpace | number {
  const target = pid === 0 ? task : task.kernel.processes.task(pid);
  if (target === undefined) return pid === task.kernel.processes.init.pid ? -EPERM : -ESRCH;
  if (!mayInspect(task, target.group)) return -EPERM;
  return target.group.isZombie ? -EINVAL : target.space;
}

function sysMigratePages(
  task: Task,
  pid: number,
  maxNode: number,
  fromAt: number,
  toAt: number,
): number {
  const from = readNodes(task, fromAt, maxNode);
  if (typeof from === 'number') return from;
  const to = readNodes(task, toAt, maxNode);
  if (typeof to === 'number') return to;
  const space = spaceOf(task, pid);
  if (typeof space === 'number') return space;
  if (to.hasOthers && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  return to.hasFirst ? 0 : -EINVAL;
}

function sysMovePages(
  task: Task,
  pid: number,
  count: number,
  pagesAt: number,
  nodesAt: number,
  statusAt: number,
  flags: number,
): number {
  if ((flags & ~(MOVE.MPOL_MF_MOVE | MOVE.MPOL_MF_MOVE_ALL)) !== 0) return -EINVAL;
  if ((flags & MOVE.MPOL_MF_MOVE_ALL) !== 0 && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  const space = spaceOf(task, pid);
  if (typeof space === 'number') return space;
  const own = task.space;
  for (let i = 0; i < count; i++) {
    const page = own.readU64(pagesAt + 8 * i);
    if (page === undefined) return -EFAULT;
    if (nodesAt !== 0) {
      const node = own.readI32(nodesAt + 4 * i);
      if (node === undefined) return -EFAULT;
      if (node !== 0) return -ENODEV;
    }
    if (own.writeU32(statusAt + 4 * i, nodeOf(space, page)) < 0) return -EFAULT;
    if (task.signalPending && task.group.isDying) return -EFAULT;
  }
  return 0;
}

/** Node 0, or why there is no page. */
function nodeOf(space: AddressSpace, addr: number): number {
  if (space.areaAt(addr) === undefined) return -EFAULT >>> 0;
  const present = new Uint8Array(1);
  const page = addr - (addr % PAGE);
  return space.residency(page, PAGE, present) === 0 && present[0] === 1 ? 0 : -ENOENT >>> 0;
}

const { int, uint, ulong, pid, size, pointer, outPointer } = arg;
const ONE_NODE = { coverage: 'partial', note: 'one node: checked, without effect' } as const;

export const NUMA_ROWS: readonly SyscallRow[] = [
  row('get_mempolicy', [outPointer, outPointer, ulong, pointer, ulong], sysGetMempolicy, {
    coverage: 'partial',
    note: 'one node; of an address always MPOL_DEFAULT',
  }),
  row('set_mempolicy', [int, pointer, ulong], sysSetMempolicy, ONE_NODE),
  row('mbind', [pointer, size, int, pointer, ulong, uint], sysMbind, ONE_NODE),
  row('migrate_pages', [pid, ulong, pointer, pointer], sysMigratePages, ONE_NODE),
  row('move_pages', [pid, ulong, pointer, pointer, outPointer, int], sysMovePages, ONE_NODE),
];
