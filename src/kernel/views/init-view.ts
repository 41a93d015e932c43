/** Process 1 as procfs and terminals see it: alive, without memory, files or a program. */

import { CAP_SYS_PTRACE } from '../../abi/capability.ts';
import { bytesOf } from '../../vfs/byte-string.ts';
import type {
  IdentityView,
  LimitView,
  SignalSetsView,
  TaskView,
  TimesView,
} from '../../vfs/task-view.ts';
import type { InitTask } from '../init-task.ts';
import { identityOf, limitsOf } from './task-view.ts';

const NAME = 'init';
const NO_SIGNALS: SignalSetsView = {
  pending: 0n,
  sharedPending: 0n,
  blocked: 0n,
  ignored: 0n,
  caught: 0n,
  queued: 0,
};

export class InitView implements TaskView {
  readonly #init: InitTask;
  readonly tid = 1;
  readonly pid = 1;
  readonly ppid = 0;
  readonly pgid = 1;
  readonly sid = 1;
  readonly state = 'S';
  readonly personality = 0;
  readonly exitSignal = 17;
  readonly exitCode = 0;
  readonly cpu = 0;
  readonly umask = 0o022;
  readonly isLeader = true;
  readonly signals = NO_SIGNALS;
  readonly memory = undefined;
  readonly fs = undefined;
  readonly executable = undefined;
  readonly terminalDevice = 0;
  readonly terminalGroup = -1;
  readonly io = { calls: 0, reads: 0, writes: 0, readBytes: 0, writtenBytes: 0 };
  readonly waitingIn = 'do_sigtimedwait';
  readonly systemCall = undefined;

  constructor(init: InitTask) {
    this.#init = init;
  }

  get comm(): string {
    return NAME;
  }

  set comm(_name: string) {
    // Only its own threads may name it, and it runs nothing.
  }

  readonly tracerPid = 0;
  timerSlackNs = 50_000;
  readonly seccomp = { mode: 0, filters: 0 } as const;

  get nice(): number {
    return this.#init.nice;
  }

  get affinity(): bigint {
    return this.#init.affinity;
  }

  get identity(): IdentityView {
    return identityOf(this.#init.creds);
  }

  get times(): TimesView {
    const { childTimes } = this.#init.group;
    return {
      userNs: 0,
      systemNs: 0,
      childUserNs: childTimes.userNs,
      childSystemNs: childTimes.systemNs,
      startNs: 0,
      voluntarySwitches: 0,
      involuntarySwitches: 0,
      minorFaults: 0,
      majorFaults: 0,
    };
  }

  get limits(): readonly LimitView[] {
    return limitsOf(this.#init.group.limits);
  }

  commandLine(): Uint8Array {
    return bytesOf(`${NAME}\0`);
  }

  environment(): Uint8Array {
    return new Uint8Array(0);
  }

  auxiliaryVector(): Uint8Array {
    return new Uint8Array(0);
  }

  descriptors(): readonly number[] {
    return [];
  }

  descriptor(): undefined {
    return undefined;
  }

  closesOnExec(): boolean {
    return false;
  }

  threads(): readonly TaskView[] {
    return [this];
  }

  mayInspect(): boolean {
    const { current } = this.#init.group.kernel;
    return current === undefined || current.creds.has(CAP_SYS_PTRACE);
  }

  get kept(): TaskView['kept'] {
    return this.#init.group.kept;
  }

  set kept(value: TaskView['kept']) {
    this.#init.group.kept = value;
  }

  get oomScoreAdjust(): number {
    return this.#init.group.oomScoreAdjust;
  }

  set oomScoreAdjust(value: number) {
    this.#init.group.oomScoreAdjust = value;
  }
}
