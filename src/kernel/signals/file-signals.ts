/** Signals about files: SIGIO and what F_SETSIG chose instead (`send_sigio`). */

import { F_OWNER_PGRP, F_OWNER_TID } from '../../abi/file-flags.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI } from '../../abi/poll-events.ts';
import { SIGIO, SIGURG } from '../../abi/signal.table.ts';
import { WaitEntry, type Waiter } from '../../base/wait-queue.ts';
import type { OpenFile, SignalOwner } from '../../vfs/open-file.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { sendToGroup, sendToTask } from './send.ts';
import { kernelSignal, type SignalInfo } from './signal-info.ts';

/** si_code of SIGIO, and the bits of poll(2) that si_band has with it. */
export const FILE_EVENT = {
  input: { code: 1, band: 0x41 },
  output: { code: 2, band: 0x304 },
  message: { code: 3, band: 0x441 },
  urgent: { code: 5, band: 0x82 },
  error: { code: 4, band: 0x8 },
  hangUp: { code: 6, band: 0x18 },
} as const;
export type FileEvent = (typeof FILE_EVENT)[keyof typeof FILE_EVENT];

/** Tells the owner of `file` (F_SETOWN), if it has one that may be told. */
export function signalOwner(kernel: Kernel, file: OpenFile, fd: number, event: FileEvent): void {
  const { owner } = file;
  if (owner === undefined || owner.type < 0) return;
  const { signal } = owner;
  const info: SignalInfo =
    signal === 0 ? kernelSignal(SIGIO) : { signal, code: event.code, band: event.band, fd };
  tell(kernel, file, owner, info);
}

/** `send_sigurg`: whatever F_SETSIG chose, and without O_ASYNC, too. */
export function signalUrgent(kernel: Kernel, file: OpenFile): void {
  const { owner } = file;
  if (owner !== undefined && owner.type >= 0) tell(kernel, file, owner, kernelSignal(SIGURG));
}

function tell(kernel: Kernel, file: OpenFile, owner: SignalOwner, info: SignalInfo): void {
  const { processes } = kernel;
  if (owner.type === F_OWNER_TID) {
    const task = processes.task(owner.id);
    if (task !== undefined && mayTell(file, task)) sendToTask(task, info);
    return;
  }
  const group = processes.group(owner.id);
  const members =
    owner.type === F_OWNER_PGRP ? processes.processGroup(owner.id)?.members : group && [group];
  for (const member of [...(members ?? [])]) {
    if (!mayTell(file, member.leader)) continue;
    // The queue is full: plain SIGIO, which needs no room.
    if (sendToGroup(member, info) < 0) sendToGroup(member, kernelSignal(SIGIO));
  }
}

/** `sigio_perm`, with the rights of whoever opened the file. */
function mayTell({ credentials }: OpenFile, { creds }: Task): boolean {
  const { fsuid } = credentials;
  return fsuid === 0 || fsuid === creds.uid || fsuid === creds.suid;
}

/** O_ASYNC: hears of every change of a file's readiness, until it is stopped or the file closes. */
export class AsyncNotifier implements Waiter {
  readonly #kernel: Kernel;
  readonly #file: OpenFile;
  readonly #fd: number;
  readonly #entry: WaitEntry = new WaitEntry(this);

  constructor(kernel: Kernel, file: OpenFile, fd: number) {
    this.#kernel = kernel;
    this.#file = file;
    this.#fd = fd;
    file.waitQueue?.add(this.#entry);
    file.addCloseListener(this);
  }

  onWake(events: number): boolean {
    const ready = this.#file.poll() & events;
    const event =
      (ready & POLLPRI) !== 0
        ? FILE_EVENT.urgent
        : (ready & POLLIN) !== 0 || (ready & POLLHUP) !== 0
          ? FILE_EVENT.input
          : (ready & POLLERR) !== 0
            ? FILE_EVENT.error
            : (ready & POLLOUT) !== 0
              ? FILE_EVENT.output
              : undefined;
    if (event !== undefined) signalOwner(this.#kernel, this.#file, this.#fd, event);
    return false;
  }

  onClose(): void {
    this.stop();
  }

  stop(): void {
    this.#entry.queue?.remove(this.#entry);
    this.#file.removeCloseListener(this);
  }
}
