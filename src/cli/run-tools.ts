/** What looks on while a run goes on, and what it leaves: profile, names of code, counters. */

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Clock } from '../base/interfaces.ts';
import type { NativeHost } from '../host/native/native-host.ts';
import type { SyscallDispatcher } from '../kernel/kernel.ts';
import type { PlatformObserver } from '../platform/observer.ts';
import type { Instance } from '../runtime/instance.ts';
import { CallTimes } from '../tools/call-times.ts';
import { countersOf } from '../tools/counters.ts';
import { cpuProfile } from '../tools/cpuprofile.ts';
import { Modules } from '../tools/modules.ts';
import { PerfMap } from '../tools/perf-map.ts';
import { Profiler } from '../tools/profiler.ts';
import { type RunStatistics, statisticsText } from '../tools/run-statistics.ts';
import { CommandError, RUN_STATUS } from './errors.ts';
import type { RunOptions } from './run.ts';

export class RunTools {
  readonly observer: PlatformObserver;
  readonly #profiler: Profiler | undefined;
  readonly #profilePath: string | undefined;
  readonly #perfMap: PerfMap | undefined;
  readonly #times: CallTimes | undefined;
  readonly #statsPath: string | undefined;
  readonly #printsStats: boolean;
  readonly #clock: Clock;
  #startNs = 0;
  #instance: Instance | undefined;

  constructor(options: RunOptions, { code }: NativeHost, clock: Clock) {
    const { profile, perfMap, statsFile } = options;
    const modules = new Modules();
    const current = () => this.#instance?.kernel.current;
    // A file that cannot be written is refused before anything runs.
    if (profile !== undefined) writeOrRefuse('--profile', profile, '');
    if (statsFile !== undefined) writeOrRefuse('--stats-file', statsFile, '');
    this.#clock = clock;
    this.#statsPath = statsFile;
    this.#printsStats = options.stats === true;
    const isTimed = this.#printsStats || statsFile !== undefined;
    this.#times = isTimed ? new CallTimes(() => clock.nowNs()) : undefined;
    this.#profilePath = profile;
    this.#profiler = profile === undefined ? undefined : new Profiler(threadNs, current, modules);
    this.#perfMap = perfMap ? new PerfMap(code, modules) : undefined;
    const profiler = this.#profiler;
    this.observer = {
      ...(profiler && {
        ticked: (...args: Parameters<Profiler['ticked']>) => profiler.ticked(...args),
        left: (kind: number) => profiler.left(kind),
      }),
      placed: (...args) => this.#perfMap?.add(...args),
    };
  }

  readonly watchCalls = (calls: SyscallDispatcher): SyscallDispatcher => {
    const timed = this.#times?.watch(calls) ?? calls;
    return this.#profiler?.watch(timed) ?? timed;
  };

  /** Known once it is put together; nothing has run yet. */
  attach(instance: Instance): void {
    this.#instance = instance;
    this.#startNs = this.#clock.nowNs();
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
    const statistics = this.#statistics();
    if (statistics === undefined) return;
    if (this.#statsPath !== undefined)
      writeOrRefuse('--stats-file', this.#statsPath, JSON.stringify(statistics, null, 2));
    if (this.#printsStats) process.stderr.write(`${statisticsText(statistics)}\n`);
  }

  #statistics(): RunStatistics | undefined {
    const instance = this.#instance;
    const times = this.#times;
    if (times === undefined || instance === undefined) return undefined;
    const { user, system } = process.cpuUsage();
    return {
      wallNs: this.#clock.nowNs() - this.#startNs,
      cpuNs: (user + system) * 1000,
      ...countersOf(instance.platform),
      calls: times.rows(),
    };
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
    process.stderr.write(`cloister: names of translated code: ${path}\n`);
  } finally {
    closeSync(fd);
  }
}
