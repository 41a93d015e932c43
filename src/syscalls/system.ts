/** The machine and the instance: uname(2), sysinfo(2), getrandom(2), host name, syslog. */

import { CAP_SYS_ADMIN, CAP_SYS_BOOT } from '../abi/capability.ts';
import { EFAULT, EINVAL, EPERM } from '../abi/errno.table.ts';
import { PER_LINUX32, PER_MASK, UNAME26 } from '../abi/personality.ts';
import { NS_PER_SEC } from '../abi/time.ts';
import {
  MACHINE,
  MACHINE_32,
  RELEASE,
  RELEASE_26,
  SYSTEM_NAME,
  VERSION,
} from '../kernel/system-name.ts';
import type { Task } from '../kernel/task.ts';
import { byteString, bytesOf } from '../vfs/byte-string.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { putNumber } from './timespec.ts';

const FIELD_BYTES = 65;
const GRND = { GRND_NONBLOCK: 1, GRND_RANDOM: 2, GRND_INSECURE: 4 } as const;
const MAX_NAME_BYTES = 64;

function sysUname(task: Task, addr: number): number {
  const { kernel } = task;
  const bytes = new Uint8Array(6 * FIELD_BYTES);
  const { personality } = task.group;
  // `override_architecture`: what setarch(8) asks for.
  const machine = (personality & PER_MASK) === PER_LINUX32 ? MACHINE_32 : MACHINE;
  const release = (personality & UNAME26) === 0 ? RELEASE : RELEASE_26;
  const fields = [SYSTEM_NAME, kernel.hostName, release, VERSION, machine, kernel.domainName];
  for (const [i, text] of fields.entries())
    bytes.set(bytesOf(text).subarray(0, FIELD_BYTES - 1), i * FIELD_BYTES);
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : 0;
}

function readName(task: Task, addr: number, length: number): string | number {
  if (!task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  if (length < 0 || length > MAX_NAME_BYTES) return -EINVAL;
  const bytes = new Uint8Array(length);
  return task.space.copyIn(addr, bytes) < 0 ? -EFAULT : byteString(bytes);
}

function sysSethostname(task: Task, addr: number, length: number): number {
  const name = readName(task, addr, length);
  if (typeof name === 'number') return name;
  task.kernel.hostName = name;
  return 0;
}

function sysSetdomainname(task: Task, addr: number, length: number): number {
  const name = readName(task, addr, length);
  if (typeof name === 'number') return name;
  task.kernel.domainName = name;
  return 0;
}

/** `struct sysinfo`, 112 bytes. */
function sysSysinfo(task: Task, addr: number): number {
  const { kernel } = task;
  const bytes = kernel.scratch.subarray(0, 112).fill(0);
  const view = kernel.scratchView;
  putNumber(view, 0, Math.floor((kernel.nowNs() - kernel.bootNs) / NS_PER_SEC));
  putNumber(view, 32, kernel.systemView.memoryTotalBytes);
  putNumber(view, 40, kernel.systemView.memoryFreeBytes);
  view.setUint16(80, kernel.processes.taskCount, true);
  view.setUint32(104, 1, true);
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : 0;
}

function sysGetrandom(task: Task, addr: number, length: number, flags: number): number {
  const known = GRND.GRND_NONBLOCK | GRND.GRND_RANDOM | GRND.GRND_INSECURE;
  if ((flags & ~known) !== 0) return -EINVAL;
  if ((flags & GRND.GRND_RANDOM) !== 0 && (flags & GRND.GRND_INSECURE) !== 0) return -EINVAL;
  const total = Math.min(length, 0x7fff_f000);
  let done = 0;
  while (done < total) {
    const chunk = new Uint8Array(Math.min(total - done, 65536));
    task.kernel.entropy.fill(chunk);
    const copied = task.space.copyOutPartial(addr + done, chunk);
    done += Math.max(copied, 0);
    if (copied < chunk.length) return done > 0 ? done : -EFAULT;
    if (done < total && task.signalPending) return done;
  }
  return done;
}

/** SYSLOG_ACTION_CONSOLE_LEVEL. */
const CONSOLE_LEVEL = 8;
/** SYSLOG_ACTION_SIZE_BUFFER. */
const SIZE_OF_BUFFER = 10;
const LOG_BYTES = 1 << 17;

/** The kernel's message buffer is empty. */
function sysSyslog(task: Task, type: number, addr: number, length: number): number {
  if (type < 0 || type > 10) return -EINVAL;
  const isOpen = type === 3 || type === SIZE_OF_BUFFER;
  if (!isOpen && !task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  if (type === SIZE_OF_BUFFER) return LOG_BYTES;
  if (type >= 2 && type <= 4 && (addr === 0 || length < 0)) return -EINVAL;
  if (type === CONSOLE_LEVEL && (length < 1 || length > 8)) return -EINVAL;
  return 0;
}

/** Deviation: refused even with CAP_SYS_BOOT; an instance is stopped from outside. */
function sysReboot(task: Task, magic: number, again: number, command: number): number {
  if (!task.creds.has(CAP_SYS_BOOT)) return -EPERM;
  if (magic !== REBOOT_MAGIC || !REBOOT_MAGIC_AGAIN.has(again)) return -EINVAL;
  if (CTRL_ALT_DEL.has(command)) return 0;
  return REBOOT_ACTIONS.has(command) ? -EPERM : -EINVAL;
}

/** LINUX_REBOOT_CMD_CAD_ON and _OFF: nobody presses these keys here. */
const CTRL_ALT_DEL: ReadonlySet<number> = new Set([0x89ab_cdef | 0, 0]);
/** RESTART, HALT, POWER_OFF, RESTART2, SW_SUSPEND, KEXEC: instances are ended from outside. */
const REBOOT_ACTIONS: ReadonlySet<number> = new Set([
  0x0123_4567,
  0xcdef_0123 | 0,
  0x4321_fedc,
  0xa1b2_c3d4 | 0,
  0xd000_fce2 | 0,
  0x4558_4543,
]);

/** `LINUX_REBOOT_MAGIC1`, and the birthdays of `LINUX_REBOOT_MAGIC2` and its successors. */
const REBOOT_MAGIC = 0xfee1dead | 0;
const REBOOT_MAGIC_AGAIN: ReadonlySet<number> = new Set([
  672274793, 85072278, 369367448, 537993216,
]);

const utsname = arg.struct((task, addr) => {
  const bytes = new Uint8Array(2 * FIELD_BYTES);
  if (task.space.copyIn(addr, bytes) < 0) return undefined;
  const field = (i: number) => {
    const part = bytes.subarray(i * FIELD_BYTES, (i + 1) * FIELD_BYTES);
    return byteString(part, 0, part.indexOf(0));
  };
  return `{sysname="${field(0)}", nodename="${field(1)}", ...}`;
}, 'out');

export const SYSTEM_ROWS: readonly SyscallRow[] = [
  row('uname', [utsname], sysUname),
  row('sethostname', [arg.inBytes(1), arg.int], sysSethostname),
  row('setdomainname', [arg.inBytes(1), arg.int], sysSetdomainname),
  row('sysinfo', [arg.outPointer], sysSysinfo),
  row('getrandom', [arg.outBytes, arg.size, arg.flags(GRND)], sysGetrandom),
  row('syslog', [arg.int, arg.pointer, arg.int], sysSyslog, {
    coverage: 'partial',
    note: 'the buffer is always empty',
  }),
  row('reboot', [arg.int, arg.int, arg.int, arg.pointer], sysReboot, { coverage: 'refused' }),
];
