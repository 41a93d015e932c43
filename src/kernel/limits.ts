/** Resource limits of a process (getrlimit(2)): shared by its threads, copied by fork. */

/** Numbers of `RLIMIT_*`. */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;

const INFINITY = Number.POSITIVE_INFINITY;
const MIB = 1024 * 1024;

/** Soft and hard limits by number; `Infinity` is RLIM_INFINITY. */
export class Limits {
  readonly soft: number[];
  readonly hard: number[];

  constructor(soft: readonly number[] = DEFAULT_SOFT, hard: readonly number[] = DEFAULT_HARD) {
    this.soft = [...soft];
    this.hard = [...hard];
  }

  get openFiles(): number {
    return this.soft[RLIMIT.NOFILE] as number;
  }

  get fileSize(): number {
    return this.soft[RLIMIT.FSIZE] as number;
  }

  clone(): Limits {
    return new Limits(this.soft, this.hard);
  }
}

function limits(values: Partial<Record<keyof typeof RLIMIT, number>>): number[] {
  const all = new Array<number>(16).fill(INFINITY);
  for (const [name, value] of Object.entries(values))
    all[RLIMIT[name as keyof typeof RLIMIT]] = value;
  return all;
}

const COMMON = { NPROC: 4096, MEMLOCK: 8 * MIB, SIGPENDING: 16384, MSGQUEUE: 819200 };
const DEFAULT_SOFT = limits({
  ...COMMON,
  STACK: 8 * MIB,
  CORE: 0,
  NOFILE: 1024,
  NICE: 0,
  RTPRIO: 0,
});
const DEFAULT_HARD = limits({ ...COMMON, NOFILE: 1048576, NICE: 0, RTPRIO: 0 });
