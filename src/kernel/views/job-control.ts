/** Sessions and process groups for terminals. */

import { CAP_SYS_ADMIN } from '../../abi/capability.ts';
import type { JobControl, SessionTerminal } from '../../vfs/job-control.ts';
import type { Kernel } from '../kernel.ts';
import type { Session } from '../process-group.ts';
import { sendToProcessGroup } from '../signals/send.ts';
import { kernelSignal } from '../signals/signal-info.ts';

export class KernelJobControl implements JobControl {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get #session(): Session | undefined {
    return this.#kernel.current?.group.processGroup.session;
  }

  currentGroup(): number {
    return this.#kernel.current?.group.processGroup.id ?? 0;
  }

  currentSession(): number {
    return this.#session?.id ?? 0;
  }

  isSessionLeader(): boolean {
    const { current } = this.#kernel;
    return current !== undefined && current.group === this.#session?.leader;
  }

  terminal(): SessionTerminal | undefined {
    return this.#session?.terminal;
  }

  setTerminal(terminal: SessionTerminal | undefined): void {
    const session = this.#session;
    if (session !== undefined) session.terminal = terminal;
  }

  dropTerminal(terminal: SessionTerminal): void {
    for (const { processGroup } of this.#kernel.processes.groups()) {
      const { session } = processGroup;
      if (session.terminal === terminal) session.terminal = undefined;
    }
  }

  sessionOf(group: number): number | undefined {
    return this.#kernel.processes.processGroup(group)?.session.id;
  }

  signalGroup(group: number, signal: number): void {
    const target = this.#kernel.processes.processGroup(group);
    if (target !== undefined) sendToProcessGroup(target, kernelSignal(signal));
  }

  isOrphaned(): boolean {
    return this.#kernel.current?.group.processGroup.isOrphaned() ?? true;
  }

  isDeaf(signal: number): boolean {
    const { current } = this.#kernel;
    return current === undefined || current.blocked.has(signal) || current.handlers.ignores(signal);
  }

  isPrivileged(): boolean {
    return this.#kernel.current?.creds.has(CAP_SYS_ADMIN) ?? false;
  }
}
