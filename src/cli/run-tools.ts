/** What looks on while a run goes on, and what it leaves: profile, names of translated code. */

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { NativeHost } from '../host/native/native-host.ts';
import type { SyscallDispatcher } from '../kernel/kernel.ts';
import type { PlatformObserver } from '../platform/observer.ts';
import type { Instance } from '../runtime/instance.ts';
import { cpuProfile } from '../tools/cpuprofile.ts';
import { Modules } from '../tools/modules.ts';
import { PerfMap } from '../tools/perf-map.ts';
import { Profiler } from '../tools/profiler.ts';
import { CommandError, RUN_STATUS } from './errors.ts';
import type { RunOptions } from './run.ts';

export class RunTools {
  readonly observer: PlatformObserver;
  readonly #profiler: Profiler | undefined;
  readonly #profilePath: string | undefined;
  readonly #perfMap: PerfMap | undefined;
  #instance: Instance | undefined;

  constructor({ profile, perfMap }: RunOptions, { code }: NativeHost) {
    const modules = new Modules();
    const current = () => this.#instance?.kernel.current;
    // A profile that cannot be written is refused before anything runs.
    if (profile !== undefined) writeOrRefuse('--profile', profile, '');
    this.#profilePath = profile;
    this.#profiler = profile === undefined ? undefined : new Profiler(threadNs, current, modules);
    this.#perfMap = perfMap ? new PerfMap(code.code.executable, modules) : undefined;
    this.observer = {
      ticked: (...args) => this.#profiler?.ticked(...args),
      left: (kind) => this.#profiler?.left(kind),
      placed: (...args) => this.#perfMap?.add(...args),
    };
  }

  readonly watchCalls = (calls: SyscallDispatcher): SyscallDispatcher =>
    this.#profiler?.watch(calls) ?? calls;

  /** Known once it is put together; nothing has run yet. */
  attach(instance: Instance): void {
    this.#instance = instance;
    this.#profiler?.begin();
  }

  /** The run is over. */
  finish(): void {
    const profiler = this.#profiler;
    if (profiler !== undefined && this.#profilePath !== undefined) {
      profiler.finish();
      writeOrRefuse('--profile', this.#profilePath, JSON.stringify(cpuProfile(profiler)));
    }
    if (this.#perfMap !== undefined) appendPerfMap(this.#perfMap.lines);
  }
}

/** Processor time of this thread. */
function threadNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

function writeOrRefuse(option: string, path: string, content: string): void {
  try {
    writeFileSync(path, content);
  } catch (cause) {
    const message = `${option} ${path}: ${(cause as Error).message}`;
    throw new CommandError('CLOISTER_USAGE', message, RUN_STATUS.failed);
  }
}

/**
 * Behind what V8 may have written there (`--perf-basic-prof`), in place of what an earlier process of
 * this number left. /tmp is everybody's: neither a link nor a file of somebody else is written to.
 */
function appendPerfMap(lines: readonly string[]): void {
  const path = `/tmp/perf-${process.pid}.map`;
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    const { uid, mtimeMs } = fstatSync(fd);
    if (uid !== process.geteuid?.())
      throw new CommandError(
        'CLOISTER_USAGE',
        `--perf-map: ${path} is not ours`,
        RUN_STATUS.failed,
      );
    if (mtimeMs < Date.now() - process.uptime() * 1000) ftruncateSync(fd);
    writeSync(fd, lines.map((line) => `${line}\n`).join(''));
  } finally {
    closeSync(fd);
  }
}
