/** SIGSYS with the call that was refused in its siginfo (sigaction(2)). */

import { SIGSYS } from '../../abi/signal.table.ts';
import { SIGINFO_BYTES } from '../../abi/signal-frame.ts';
import type { Task } from '../task.ts';
import type { SignalInfo } from './signal-info.ts';

const AUDIT_ARCH_X86_64 = 0xc000_003e;

/** `code` is SYS_SECCOMP or SYS_USER_DISPATCH; `data` becomes si_errno. */
export function callSignal(task: Task, number: number, code: number, data: number): SignalInfo {
  const raw = new Uint8Array(SIGINFO_BYTES);
  const view = new DataView(raw.buffer);
  view.setInt32(0, SIGSYS, true);
  view.setInt32(4, data, true);
  view.setInt32(8, code, true);
  view.setBigUint64(16, BigInt(task.cpu.rip), true);
  view.setInt32(24, number, true);
  view.setUint32(28, AUDIT_ARCH_X86_64, true);
  return { signal: SIGSYS, code, raw };
}
