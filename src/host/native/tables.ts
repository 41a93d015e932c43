/**
 * Lookup tables from a pool: one memfd, all of it mapped writable once for JavaScript, each
 * process's megabyte mapped read-only below its sandbox. Returned tables are cleaned by the pages
 * that were written, so that a new process costs no 1 MiB fill.
 */

import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import type { LookupTables } from '../../cpu/code-host.ts';
import {
  SLOT_BASE_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
  TABLES_BYTES,
} from '../../cpu/sandbox/layout.ts';
import type { NativeContext } from './context.ts';
import { CODE_BYTES, mustMap } from './engine-object.ts';
import {
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_SHARED,
  PAGE,
  PROT_READ,
  PROT_WRITE,
  viewOf,
} from './libc.ts';

const MFD_CLOEXEC = 1;
/** Tables a pool file; further files are opened when they are used up. */
const REGIONS_PER_FILE = 256;
/** The first file is mapped into the reservation, behind code memory. */
export const FIRST_TABLES_BYTES = REGIONS_PER_FILE * TABLES_BYTES;
/** A table is filled in so many bytes at a time. */
const FILL_BYTES = 64 * 1024;
const ENTRIES_PER_PAGE = PAGE / 8;
const PAGES = TABLES_BYTES / PAGE;
const HIGH = 2 ** 32;

interface Region {
  readonly fd: number;
  readonly offset: number;
  readonly entries: BigUint64Array;
  readonly halves: Int32Array;
  readonly dirty: Uint8Array;
  filled: boolean;
}

class NativeTables implements LookupTables {
  readonly returns: BigUint64Array;
  readonly jumps: BigUint64Array;
  readonly #pool: TablePool;
  readonly #region: Region;
  #released = false;

  constructor(pool: TablePool, region: Region) {
    this.#pool = pool;
    this.#region = region;
    this.returns = region.entries.subarray(0, TABLE_ENTRIES);
    this.jumps = region.entries.subarray(TABLE_ENTRIES);
  }

  setReturn(index: number, target: HostAddr): void {
    this.#set(index, target);
  }

  setJump(index: number, target: HostAddr): void {
    this.#set(TABLE_ENTRIES + index, target);
  }

  /** By one store: a guest that runs on another thread meanwhile sees the old entry or the new one. */
  #set(entry: number, target: number): void {
    assert(!this.#released && entry >= 0 && entry < 2 * TABLE_ENTRIES);
    const { entries, halves, dirty } = this.#region;
    // measured: a BigInt costs more than the rest, and the upper half is mostly the same.
    if (halves[2 * entry + 1] === Math.floor(target / HIGH)) halves[2 * entry] = target | 0;
    else entries[entry] = BigInt(target);
    dirty[Math.floor(entry / ENTRIES_PER_PAGE)] = 1;
  }

  clear(): void {
    assert(!this.#released);
    this.#pool.clean(this.#region);
  }

  mapBelow(sandboxBase: HostAddr): void {
    assert(!this.#released);
    this.#pool.map(this.#region, sandboxBase - SLOT_BASE_BYTES);
  }

  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#released = true;
    this.#pool.give(this.#region);
  }
}

export class TablePool {
  readonly #native: NativeContext;
  readonly #free: Region[] = [];
  /** What lies below each sandbox now: it stays mapped between processes. */
  readonly #mapped = new Map<number, Region>();
  #files = 0;
  #returnFill = 0n;
  #jumpFill = 0n;

  constructor(native: NativeContext) {
    this.#native = native;
  }

  create(returnFill: HostAddr, jumpFill: HostAddr): LookupTables {
    const fills = [BigInt(returnFill), BigInt(jumpFill)] as const;
    if (this.#returnFill === 0n) [this.#returnFill, this.#jumpFill] = fills;
    const same = this.#returnFill === fills[0] && this.#jumpFill === fills[1];
    assert(same, 'one pair of fill addresses an instance');
    if (this.#free.length === 0) this.#openFile();
    const region = this.#free.pop();
    assert(region);
    if (!region.filled) {
      this.#fill(region.fd, region.offset, this.#returnFill);
      this.#fill(region.fd, region.offset + TABLE_BYTES, this.#jumpFill);
      region.filled = true;
    }
    return new NativeTables(this, region);
  }

  /** By writing to the file: through the view every page would be mapped, one fault each. */
  #fill(fd: number, offset: number, entry: bigint): void {
    const { bounce, bounceAddress, sys } = this.#native;
    new BigUint64Array(bounce.buffer, bounce.byteOffset, FILL_BYTES / 8).fill(entry);
    for (let done = 0; done < TABLE_BYTES; done += FILL_BYTES) {
      const written = sys.pwrite(fd, bounceAddress, FILL_BYTES, offset + done);
      assert(written === FILL_BYTES, 'cannot fill a lookup table');
    }
  }

  clean(region: Region): void {
    const { dirty, entries } = region;
    for (let page = 0; page < PAGES; page++) {
      if (dirty[page] === 0) continue;
      dirty[page] = 0;
      const fill = page < PAGES / 2 ? this.#returnFill : this.#jumpFill;
      entries.fill(fill, page * ENTRIES_PER_PAGE, (page + 1) * ENTRIES_PER_PAGE);
    }
  }

  give(region: Region): void {
    this.clean(region);
    this.#free.push(region);
  }

  map(region: Region, slotStart: number): void {
    if (this.#mapped.get(slotStart) === region) return;
    const flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;
    const { sys } = this.#native;
    const at = sys.mmap(slotStart, TABLES_BYTES, PROT_READ, flags, region.fd, region.offset);
    assert(at === slotStart, 'cannot map the lookup tables');
    this.#mapped.set(slotStart, region);
  }

  #openFile(): void {
    const { libc } = this.#native;
    const fd = libc.memfdCreate('cloister-tables', MFD_CLOEXEC);
    assert(fd >= 0, 'memfd_create');
    const bytes = REGIONS_PER_FILE * TABLES_BYTES;
    if (libc.ftruncate(fd, bytes) !== 0)
      throw Object.assign(
        new Error(`the host lets no file have ${bytes} bytes: raise RLIMIT_FSIZE (ulimit -f)`),
        { code: 'CLOISTER_HOST_LIMIT' },
      );
    const [view, start] = this.#mapFile(fd, bytes);
    for (let n = REGIONS_PER_FILE - 1; n >= 0; n--) {
      const offset = n * TABLES_BYTES;
      this.#free.push({
        fd,
        offset,
        entries: new BigUint64Array(view, start + offset, (2 * TABLE_BYTES) / 8),
        halves: new Int32Array(view, start + offset, (2 * TABLE_BYTES) / 4),
        dirty: new Uint8Array(PAGES),
        filled: false,
      });
    }
  }

  /** A writable view of a whole file, and where in it the file starts. */
  #mapFile(fd: number, bytes: number): readonly [ArrayBuffer, number] {
    const { libc, reservation } = this.#native;
    const prot = PROT_READ | PROT_WRITE;
    const flags = MAP_SHARED | MAP_NORESERVE;
    const isFirst = this.#files === 0;
    this.#files++;
    const wanted = isFirst ? reservation.start + CODE_BYTES : 0;
    const fixed = isFirst ? MAP_FIXED : 0;
    const at = mustMap(libc.mmap(wanted, bytes, prot, flags | fixed, fd, 0), 'lookup tables');
    return isFirst ? [reservation.buffer, CODE_BYTES] : [viewOf(at, bytes), 0];
  }
}
