/** Counters of the platform: an engineer sees why something is slow. */

export class PlatformStatistics {
  /** Times that translated code was left, by kind of `EXIT`. */
  readonly exits = new Float64Array(16);
  /** Of exits `indirect`: returns and jumps whose target stood in no table. */
  readonly misses = { return: 0, jump: 0 };
  /** Answered without the interpreter. */
  cpuids = 0;
  /** Other instructions that were interpreted, by mnemonic: as many as the instruction table has. */
  readonly #interpreted = new Map<string, number>();

  /** Instructions that were interpreted, by mnemonic. */
  get interpreted(): ReadonlyMap<string, number> {
    if (this.cpuids === 0) return this.#interpreted;
    const others = this.#interpreted.get('cpuid') ?? 0;
    return new Map([...this.#interpreted, ['cpuid', this.cpuids + others]]);
  }

  countInterpreted(mnemonic: string): void {
    this.#interpreted.set(mnemonic, (this.#interpreted.get(mnemonic) ?? 0) + 1);
  }
}
