/**
 * Which code pages of an address space are written so often that their code checks itself instead of
 * being write-protected (`cpu/translate/self-check.ts`), and which immediates keep changing.
 *
 * A write fault costs a delivery by the host, two changes of protection and new translations; a
 * self-check some loads at each entry. So a page changes over after a few faults, at once when code
 * stores into the page that it runs on, and back when it was quiet for a while: twice as long each
 * time, unless it stayed quiet for long.
 */

/** CPU time of what counts as one tick here, in microseconds. */
export const TICK_US = 4000;
/** Write faults to translated code that a page takes. */
const FAULTS_BEFORE_CHECKS = 3;
/** Ticks of CPU time ({@link TICK_US}) without a change after which a page is protected again. */
const FIRST_PATIENCE_TICKS = 32;
const LONGEST_PATIENCE_TICKS = 4096;
/** A page that needed no checks for so many times its patience starts afresh. */
const FORGIVEN_AFTER = 4;
/** So often memory with code was closed for execution, and opened again, before its immediates count as live. */
const REWRITES_BEFORE_LIVE = 8;
/** Bounds of what is remembered; beyond, everything is learned anew. */
const MAX_PAGES = 65536;
const MAX_IMMEDIATES = 65536;

/** A page that went back: how long it stays next time, and when that was. */
interface Relapse {
  readonly patience: number;
  readonly sinceTick: number;
}

interface Checked {
  patience: number;
  quietTicks: number;
}

export class WrittenPages {
  readonly #faults = new Map<number, number>();
  readonly #relapses = new Map<number, Relapse>();
  readonly #checked = new Map<number, Checked>();
  readonly #liveImmediates = new Set<number>();
  #ticks = 0;
  #droppedCode = false;
  #rewrites = 0;

  /** Translations were dropped for what became of their source. */
  noteDropped(): void {
    this.#droppedCode = true;
  }

  /** Memory became executable by mprotect(2). */
  noteOpened(): void {
    if (this.#droppedCode) this.#rewrites++;
    this.#droppedCode = false;
  }

  /**
   * The program writes code where code was, with memory that is writable or executable by turns: what it
   * changes are immediates as a rule. Loading them costs little, another translation much.
   */
  get isRewritten(): boolean {
    return this.#rewrites >= REWRITES_BEFORE_LIVE;
  }

  isChecked(page: number): boolean {
    return this.#checked.has(page);
  }

  /** A store hit protected code on `page`; true when its code is to check itself from now on. */
  noteFault(page: number, fromThere: boolean): boolean {
    if (this.#faults.size >= MAX_PAGES) this.#faults.clear();
    const before = this.#relapses.get(page);
    const isRelapse =
      before !== undefined && this.#ticks - before.sinceTick < FORGIVEN_AFTER * before.patience;
    if (before !== undefined && !isRelapse) {
      // Code that came to a page now and then is no code that changes.
      this.#relapses.delete(page);
      this.#faults.delete(page);
    }
    const faults = (this.#faults.get(page) ?? 0) + 1;
    this.#faults.set(page, faults);
    if (!fromThere && faults < FAULTS_BEFORE_CHECKS) return false;
    const patience = isRelapse ? before.patience : FIRST_PATIENCE_TICKS;
    this.#checked.set(page, { patience, quietTicks: 0 });
    return true;
  }

  /** A unit found its source changed. */
  noteChange(page: number): void {
    const checked = this.#checked.get(page);
    if (checked) checked.quietTicks = 0;
  }

  /** `count` ticks later: pages that go back to write-protection, their units are to be dropped. */
  tick(count: number): number[] {
    this.#ticks += count;
    if (this.#checked.size === 0) return [];
    const quiet: number[] = [];
    for (const [page, checked] of this.#checked) {
      checked.quietTicks += count;
      if (checked.quietTicks < checked.patience) continue;
      this.#checked.delete(page);
      if (this.#relapses.size >= MAX_PAGES) this.#relapses.clear();
      const next = Math.min(2 * checked.patience, LONGEST_PATIENCE_TICKS);
      this.#relapses.set(page, { patience: next, sinceTick: this.#ticks });
      // The next fault alone decides, if it comes soon.
      this.#faults.set(page, FAULTS_BEFORE_CHECKS - 1);
      quiet.push(page);
    }
    return quiet;
  }

  hasLiveImmediate(rip: number): boolean {
    // Asked for each instruction that is translated.
    return this.#liveImmediates.size > 0 && this.#liveImmediates.has(rip);
  }

  addLiveImmediate(rip: number): void {
    if (this.#liveImmediates.size >= MAX_IMMEDIATES) this.#liveImmediates.clear();
    this.#liveImmediates.add(rip);
  }
}
