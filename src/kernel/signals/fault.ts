/** Synchronous faults of guest code become signals (`force_sig_fault`). */

import { SIGSEGV } from '../../abi/signal.table.ts';
import type { Task } from '../task.ts';
import { forceSignal } from './send.ts';

/** The platform reported a fault: queue the signal that Linux would send. */
export function faultSignal(task: Task): void {
  const { fault } = task.cpu;
  forceSignal(task, {
    signal: fault.signal,
    code: fault.code,
    address: fault.address,
    trapNumber: fault.trapNumber,
    errorCode: fault.errorCode,
  });
}

/** A signal frame could not be written or read: SIGSEGV, fatal when SIGSEGV itself failed. */
export function forceSegv(task: Task, failedSignal: number): void {
  if (failedSignal === SIGSEGV) task.handlers.reset(SIGSEGV);
  forceSignal(task, { signal: SIGSEGV, code: 0x80, address: 0n });
}
