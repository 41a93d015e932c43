/**
 * What a dynamic ELF file asks the loader for: interpreter, needed libraries, search paths (System V
 * gABI chapters 4 and 5, x86-64 psABI). Reads ranges, never runs anything; every offset of the file
 * is checked, since the file may be anything.
 */

/** Reads up to `length` bytes at `offset`; fewer at the end of the file. */
export type ReadRange = (offset: number, length: number) => Uint8Array;

export interface ElfNeeds {
  /** `e_machine`. */
  readonly machine: number;
  readonly interpreter: string | undefined;
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  /** `DT_RPATH` and `DT_RUNPATH`, split at colons, `$ORIGIN` still in them. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

export const EM_X86_64 = 62;

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const MAX_PHDRS = 512;
const MAX_DYNAMIC_BYTES = 1 << 20;
const MAX_STRINGS_BYTES = 64 << 20;
const PATH_MAX = 4096;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly fileBytes: number;
}

/** undefined for anything but a 64-bit little-endian ELF executable or shared object. */
export function readElfNeeds(read: ReadRange): ElfNeeds | undefined {
  const header = read(0, EHDR_BYTES);
  if (header.length < EHDR_BYTES) return undefined;
  const isElf64 = header[0] === 0x7f && header[1] === 0x45 && header[2] === 0x4c;
  if (!isElf64 || header[3] !== 0x46 || header[4] !== 2 || header[5] !== 1) return undefined;
  const view = viewOf(header);
  const type = view.getUint16(16, true);
  if (type !== 2 && type !== 3) return undefined; // ET_EXEC, ET_DYN
  const machine = view.getUint16(18, true);
  const segments = readSegments(read, view);
  const interp = segments.find((s) => s.type === PT_INTERP);
  const none = { needed: [], soname: undefined, rpath: [], runpath: [] };
  const interpreter =
    interp && interp.fileBytes <= PATH_MAX
      ? stringAt(read(interp.offset, interp.fileBytes), 0)
      : undefined;
  const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
  if (!dynamic) return { machine, interpreter, ...none };
  return { machine, interpreter, ...readDynamic(read, dynamic, segments) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function number64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function readSegments(read: ReadRange, header: DataView): Segment[] {
  const offset = number64(header, 32);
  const count = header.getUint16(56, true);
  if (header.getUint16(54, true) !== PHDR_BYTES || count > MAX_PHDRS) return [];
  const bytes = read(offset, count * PHDR_BYTES);
  const view = viewOf(bytes);
  const segments: Segment[] = [];
  for (let at = 0; at + PHDR_BYTES <= bytes.length; at += PHDR_BYTES)
    segments.push({
      type: view.getUint32(at, true),
      offset: number64(view, at + 8),
      vaddr: number64(view, at + 16),
      fileBytes: number64(view, at + 32),
    });
  return segments;
}

function readDynamic(read: ReadRange, dynamic: Segment, segments: readonly Segment[]) {
  const bytes = read(dynamic.offset, Math.min(dynamic.fileBytes, MAX_DYNAMIC_BYTES));
  const view = viewOf(bytes);
  const entries: (readonly [number, number])[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const tag = number64(view, at);
    if (tag === 0) break;
    entries.push([tag, number64(view, at + 8)]);
  }
  const entryValue = (tag: number) => entries.find(([t]) => t === tag)?.[1];
  const strtab = entryValue(DT_STRTAB) ?? 0;
  const load = segments.find(
    (s) => s.type === PT_LOAD && strtab >= s.vaddr && strtab < s.vaddr + s.fileBytes,
  );
  const size = Math.min(entryValue(DT_STRSZ) ?? 0, MAX_STRINGS_BYTES);
  const strings = load ? read(load.offset + strtab - load.vaddr, size) : new Uint8Array(0);
  const textOf = (tag: number) => {
    const offset = entryValue(tag);
    return offset === undefined ? undefined : stringAt(strings, offset);
  };
  const pathsOf = (tag: number) => (textOf(tag) ?? '').split(':').filter((path) => path !== '');
  return {
    needed: entries
      .filter(([tag]) => tag === DT_NEEDED)
      .map(([, offset]) => stringAt(strings, offset))
      .filter((name) => name !== ''),
    soname: textOf(DT_SONAME),
    rpath: pathsOf(DT_RPATH),
    runpath: pathsOf(DT_RUNPATH),
  };
}

/** The NUL-terminated string at `offset`, a byte a code unit; empty outside of `bytes`. */
function stringAt(bytes: Uint8Array, offset: number): string {
  let out = '';
  for (let i = offset; i < bytes.length && bytes[i] !== 0; i++)
    out += String.fromCharCode(bytes[i] as number);
  return out;
}
