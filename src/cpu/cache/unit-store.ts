/**
 * Translations by guest address and source bytes, kept beyond the domain that first needed them:
 * another process that runs the same code at the same address gets a copy placed, without decoding,
 * translating or verifying again. A verdict of the code verifier stays true wherever a unit lies: what
 * placing changes are the displacements of branches to registered places and the numbers of links.
 *
 * Units of modules, files whose content has a name, also come from translations that were kept before
 * (`TranslationStorage`): wherever the module lies now, verified again, compared with its bytes.
 */

import { Arena } from '../translate/arena.ts';
import type { Unit } from '../translate/unit.ts';
import {
  type BasedUnit,
  encodeTranslations,
  TranslationFile,
  type TranslationSource,
} from './translation-file.ts';

export interface StoredUnit {
  readonly unit: Unit;
  /** Where it may be entered; undefined: it comes from a file, nobody has verified it yet. */
  readonly starts: Uint32Array | undefined;
}

/** Where a guest address lies in a module. */
export interface ModulePlace {
  /** Names the module's content. */
  readonly key: string;
  /** Guest address minus offset in the file. */
  readonly base: number;
}

/** Guest code as a store compares it. */
export interface SourceCheck {
  /**
   * True when the unit's ranges may be executed and hold its source bytes; protects their pages
   * against writes before it looks.
   */
  matches(unit: Unit): boolean;
  /** Undefined: the address belongs to no module, or to one below which units do not move. */
  moduleAt(addr: number): ModulePlace | undefined;
  /** Must what is made from this page check its source by itself? */
  isSelfChecking(page: number): boolean;
}

/** Where translations of modules are kept between runs: authentic ones only. */
export interface TranslationStorage {
  /** A file with translations of the module, if there is one. */
  load(key: string): TranslationSource | undefined;
  /** Keeps a file in place of that one, undefined: none; missing: nothing is learned. */
  save?(key: string, bytes: Uint8Array | undefined): void;
  /** A file that `load` gave is of no use. */
  refuse(key: string, reason: string): void;
}

interface Module {
  /** Reading ahead: where the next demand is expected in the last file, and how many are read then. */
  expected: number;
  window: number;
  /** Of one address the first file's counts; none: there is none, or they are not to be used. */
  files: readonly TranslationFile[];
  /** What this run had to translate: of one address the last one counts. */
  readonly fresh: BasedUnit[];
  /** Addresses of the units that this run needed, in that order. */
  readonly used: Set<number>;
}

/** Units that are read ahead at most at a time. */
const MOST_AHEAD = 32;
/** The guess was right when the next unit asked for is so near behind those read. */
const NEAR = 2;
const LIMIT_BYTES = 64 * 1024 * 1024;
/** Of one address: other programs, or code that changes. */
const MAX_VERSIONS = 8;
/** What few units a later run needed beside a module's file stands in another. */
const ADDITION = ' and more';
/** An addition with at least so many units, and this share of the file's, becomes part of it. */
const ADDITION_UNITS = 16;
const ADDITION_SHARE = 1 / 8;

export class UnitStore {
  private readonly byRip = new Map<number, StoredUnit[]>();
  private readonly modules = new Map<string, Module>();
  private readonly arena = new Arena();
  private readonly tlsDisplacement: number;
  private storage: TranslationStorage | undefined;
  private bytes = 0;
  hits = 0;
  /** Units that came from files. */
  loaded = 0;

  constructor(tlsDisplacement: number) {
    this.tlsDisplacement = tlsDisplacement;
  }

  useStorage(storage: TranslationStorage): void {
    this.storage = storage;
  }

  /** The newest translation for `rip`, whatever its source was. */
  newest(rip: number): Unit | undefined {
    return this.byRip.get(rip)?.[0]?.unit;
  }

  /** A unit that can be entered at `rip`: it begins there, or has a leader there. */
  find(rip: number, source: SourceCheck): StoredUnit | undefined {
    const known = this.knownAt(rip, source);
    if (known) this.hits++;
    if (known || !this.storage) return known;
    const place = source.moduleAt(rip);
    if (!place) return undefined;
    const { files, used } = this.moduleOf(place.key);
    for (const file of files) {
      const stored = this.read(file, rip - place.base, place);
      if (!stored || !sameSource(stored.unit, source)) continue;
      this.loaded++;
      used.add(stored.unit.rip - place.base);
      return stored;
    }
    return undefined;
  }

  private knownAt(rip: number, source: SourceCheck): StoredUnit | undefined {
    return this.byRip.get(rip)?.find(({ unit }) => sameSource(unit, source));
  }

  private read(
    file: TranslationFile,
    address: number,
    { base }: ModulePlace,
  ): StoredUnit | undefined {
    const unit = file.unit(address, base, this.tlsDisplacement, this.arena);
    return unit && { unit, starts: undefined };
  }

  /**
   * Units that are likely to be needed soon after the one at `rip`, which `find` gave: those whose records
   * follow its own. As many as guesses were right lately, as Linux reads files ahead: none in a file that
   * is not in the order of use.
   */
  *ahead(
    rip: number,
    source: SourceCheck,
    isKnown: (rip: number) => boolean,
  ): Iterable<StoredUnit> {
    const place = source.moduleAt(rip);
    const module = place && this.modules.get(place.key);
    const file = module?.files.at(-1);
    if (!place || !module || !file) return;
    const at = file.positionOf(rip - place.base);
    if (at < 0) return;
    const distance = at - module.expected;
    const isRight = distance >= 0 && distance <= NEAR;
    module.window = isRight ? Math.min(MOST_AHEAD, module.window * 2 || 1) : module.window >> 1;
    let next = at + 1;
    for (let count = 0; count < module.window; next++) {
      const address = file.addressAt(next);
      if (address === undefined) break;
      if (isKnown(address + place.base)) continue;
      const stored = this.knownAt(address + place.base, source) ?? this.read(file, address, place);
      if (!stored || (!stored.starts && !sameSource(stored.unit, source))) break;
      if (!stored.starts) this.loaded++;
      module.used.add(address);
      count++;
      yield stored;
    }
    module.expected = next;
  }

  /** What `find` gave was refused by the code verifier: its module's files are not used again. */
  refuse(rip: number, source: SourceCheck, reason: string): void {
    const place = source.moduleAt(rip);
    const module = place && this.modules.get(place.key);
    if (!place || !module || module.files.length === 0) return;
    module.files = [];
    this.storage?.refuse(place.key, reason);
  }

  /** A verified unit; `place`: the module that it was translated in, all of it. */
  add(stored: StoredUnit, place: ModulePlace | undefined): void {
    const { unit } = stored;
    if (unit.ranges.length === 0) return;
    if (this.bytes > LIMIT_BYTES) {
      this.byRip.clear();
      this.bytes = 0;
    }
    this.bytes += unit.bytes.length + 24 * unit.instructionCount;
    const versions = this.byRip.get(unit.rip);
    if (!versions) this.byRip.set(unit.rip, [stored]);
    else {
      if (versions.length >= MAX_VERSIONS) versions.pop();
      versions.unshift(stored);
    }
    // Code that changes is of no use to later runs.
    if (unit.selfChecking || unit.hasLiveImmediates) return;
    if (!place || !this.storage?.save) return;
    const { fresh, used } = this.moduleOf(place.key);
    fresh.push({ unit, base: place.base });
    used.add(unit.rip - place.base);
  }

  /** Leaves what is new to later runs. */
  keep(): void {
    for (const [key, module] of this.modules) {
      if (module.fresh.length > 0) this.keepModule(key, module);
      module.fresh.length = 0;
    }
  }

  /** Writing a large file for few units would cost more than it saves: they are kept beside it. */
  private keepModule(key: string, { files, fresh, used }: Module): void {
    const { storage, tlsDisplacement } = this;
    const main = files.at(-1);
    const additions = files.slice(0, -1);
    let added = fresh.length;
    for (const { size } of additions) added += size;
    const isAddition =
      main !== undefined && added < Math.max(ADDITION_UNITS, main.size * ADDITION_SHARE);
    const older = isAddition ? additions : files;
    const bytes = encodeTranslations(fresh, tlsDisplacement, older, used);
    if (!bytes) return;
    storage?.save?.(isAddition ? key + ADDITION : key, bytes);
    if (!isAddition) storage?.save?.(key + ADDITION, undefined);
  }

  private moduleOf(key: string): Module {
    const known = this.modules.get(key);
    if (known) return known;
    const main = this.open(key);
    const addition = main && this.open(key + ADDITION);
    const files = [addition, main].filter((file) => file !== undefined);
    const module: Module = { files, fresh: [], used: new Set(), expected: 0, window: 0 };
    this.modules.set(key, module);
    return module;
  }

  private open(key: string): TranslationFile | undefined {
    const source = this.storage?.load(key);
    const opened = source && TranslationFile.open(source);
    if (typeof opened === 'string') this.storage?.refuse(key, opened);
    return typeof opened === 'object' ? opened : undefined;
  }
}

function sameSource(unit: Unit, source: SourceCheck): boolean {
  const { pages } = unit;
  let checks = false;
  for (let n = 0; n < pages.length; n++) if (source.isSelfChecking(pages[n]!)) checks = true;
  return unit.selfChecking === checks && source.matches(unit);
}
