/** All tasks and the instance itself, for procfs and terminals. */

import { assert } from '../../base/assert.ts';
import { networkFiles } from '../../net/proc-text.ts';
import type { SysctlView, SystemView, TaskSource, TaskView } from '../../vfs/task-view.ts';
import { ipcFiles } from '../ipc/proc-text.ts';
import type { Kernel } from '../kernel.ts';
import { keyFiles } from '../keys/proc-text.ts';
import { PID_MAX } from '../process-table.ts';
import { RELEASE, VERSION } from '../system-name.ts';
import { InitView } from './init-view.ts';
import { sysctlViews } from './sysctls.ts';
import { LiveTaskView } from './task-view.ts';

export class KernelTaskSource implements TaskSource {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  current(): TaskView {
    const { current } = this.#kernel;
    assert(current !== undefined, 'a task runs');
    return new LiveTaskView(current);
  }

  find(tid: number): TaskView | undefined {
    const { init, initTask } = this.#kernel.processes;
    if (tid === init.pid) return new InitView(initTask);
    const task = this.#kernel.processes.task(tid);
    return task === undefined ? undefined : new LiveTaskView(task);
  }

  processes(): readonly TaskView[] {
    return [new InitView(this.#kernel.processes.initTask), ...this.guests()];
  }

  whenGone(listener: (pid: number) => void): void {
    this.#kernel.processes.goneListeners.push(listener);
  }

  /** The processes that run something: all but init. */
  guests(): readonly TaskView[] {
    return this.#kernel.processes.groups().map((group) => new LiveTaskView(group.leader));
  }
}

/**
 * The most memory that programs are told of, whatever all of them may take together: those that reserve a
 * share of it, such as the JVM a quarter, do so in an address space of 4 GiB.
 */
const TOLD_BYTES = 2 ** 32;

export class KernelSystemView implements SystemView {
  readonly #kernel: Kernel;
  readonly release = RELEASE;
  readonly version = VERSION;
  get cpuCount(): number {
    return this.#kernel.processors;
  }

  readonly commandLine = 'cloister';
  readonly loadAverages = [0, 0, 0] as const;
  readonly pidMax = PID_MAX;
  readonly bootId: string;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.bootId = this.freshUuid();
  }

  freshUuid(): string {
    const bytes = new Uint8Array(16);
    this.#kernel.entropy.fill(bytes);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  get networkFiles(): readonly (readonly [string, () => string])[] {
    return networkFiles(this.#kernel.net.internet);
  }

  get sysctls(): readonly SysctlView[] {
    return sysctlViews(this.#kernel);
  }

  get ipcFiles(): readonly (readonly [string, () => string])[] {
    return ipcFiles(this.#kernel);
  }

  get keyFiles(): readonly (readonly [string, () => string])[] {
    return keyFiles(this.#kernel);
  }

  get hostName(): string {
    return this.#kernel.hostName;
  }

  set hostName(name: string) {
    this.#kernel.hostName = name;
  }

  get domainName(): string {
    return this.#kernel.domainName;
  }

  set domainName(name: string) {
    this.#kernel.domainName = name;
  }

  get cpuinfo(): string {
    return this.#kernel.platform.cpuinfo(this.cpuCount);
  }

  get memoryTotalBytes(): number {
    return Math.min(this.#kernel.memoryBytes, TOLD_BYTES);
  }

  get memoryFreeBytes(): number {
    return Math.max(0, this.memoryTotalBytes - this.#kernel.usedMemoryBytes());
  }

  get uptimeNs(): number {
    return this.#kernel.nowNs() - this.#kernel.bootNs;
  }

  get idleNs(): number {
    return this.#kernel.idleNs;
  }

  get bootTimeSec(): number {
    return Number(this.#kernel.bootRealtimeNs / 1_000_000_000n);
  }

  get contextSwitches(): number {
    return this.#kernel.scheduler.contextSwitches;
  }

  get forks(): number {
    return this.#kernel.forks;
  }

  get runningTasks(): number {
    return this.#kernel.scheduler.length + 1;
  }

  get lastPid(): number {
    return this.#kernel.processes.lastPid;
  }

  get threadsMax(): number {
    return this.#kernel.processes.maxTasks;
  }
}
