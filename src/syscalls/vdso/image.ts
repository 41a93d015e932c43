/**
 * The vDSO as an ELF shared object of one page (System V gABI; vdso(7)): program headers, a hash
 * table, symbols `__vdso_…` and their weak short names, all of version LINUX_2.6, no relocations. The
 * runtime of Go walks the version definitions without asking whether there are any.
 */

import { assert } from '../../base/assert.ts';
import { assembleVdso } from './code.ts';

const PAGE = 4096;
const EHDR = 64;
const PHDR = 56;
const SYM = 24;
const CODE_AT = 0x600;
const PT = { LOAD: 1, DYNAMIC: 2 } as const;
const DT = {
  ...{ NULL: 0, HASH: 4, STRTAB: 5, SYMTAB: 6, STRSZ: 10, SYMENT: 11, SONAME: 14 },
  ...{ VERSYM: 0x6fff_fff0, VERDEF: 0x6fff_fffc, VERDEFNUM: 0x6fff_fffd },
} as const;
const SONAME = 'linux-vdso.so.1';
const VERSION = 'LINUX_2.6';
/** Elf64_Verdef and its one Elf64_Verdaux. */
const VERDEF = 20;
const VERDAUX = 8;
const VER_FLG_BASE = 1;
/** Numbers of the definitions: the object's own, and that of its symbols. */
const VERSIONS = [SONAME, VERSION] as const;
const SYMBOL_VERSION = 2;
const STB_GLOBAL_FUNC = 0x12;
const STB_WEAK_FUNC = 0x22;

/** The bytes of the shared object, a whole page. */
export function buildVdso(): Uint8Array {
  const code = assembleVdso(CODE_AT);
  const names = Object.keys(code.functions);
  const symbols = names.flatMap((name) => [
    { name: `__vdso_${name}`, info: STB_GLOBAL_FUNC, at: code.functions[name] as number },
    { name, info: STB_WEAK_FUNC, at: code.functions[name] as number },
  ]);
  const bytes = new Uint8Array(PAGE);
  const view = new DataView(bytes.buffer);
  let at = EHDR + 2 * PHDR;
  const take = (length: number) => {
    const start = Math.ceil(at / 8) * 8;
    at = start + length;
    return start;
  };
  const strings = ['', ...VERSIONS, ...symbols.map(({ name }) => name)];
  const stringAt = new Map<string, number>();
  let stringBytes = 0;
  for (const text of strings) {
    stringAt.set(text, stringBytes);
    stringBytes += text.length + 1;
  }
  const strtab = take(stringBytes);
  for (const [text, offset] of stringAt)
    for (let i = 0; i < text.length; i++) bytes[strtab + offset + i] = text.charCodeAt(i);
  const symtab = take(SYM * (symbols.length + 1));
  for (const [i, symbol] of symbols.entries()) {
    const entry = symtab + SYM * (i + 1);
    view.setUint32(entry, stringAt.get(symbol.name) as number, true);
    bytes[entry + 4] = symbol.info;
    view.setUint16(entry + 6, 1, true);
    view.setBigUint64(entry + 8, BigInt(symbol.at), true);
    view.setBigUint64(entry + 16, 16n, true);
  }
  const hash = take(4 * (2 + 1 + symbols.length + 1));
  writeHash(view, hash, symbols.length);
  const versym = take(2 * (symbols.length + 1));
  for (let i = 1; i <= symbols.length; i++) view.setUint16(versym + 2 * i, SYMBOL_VERSION, true);
  const verdef = take((VERDEF + VERDAUX) * VERSIONS.length);
  for (const [i, name] of VERSIONS.entries())
    writeVersion(view, verdef + (VERDEF + VERDAUX) * i, i + 1, name, stringAt.get(name) as number);
  const dynamic = take(16 * 10);
  const tags = [
    [DT.HASH, hash],
    [DT.STRTAB, strtab],
    [DT.SYMTAB, symtab],
    [DT.STRSZ, stringBytes],
    [DT.SYMENT, SYM],
    [DT.SONAME, stringAt.get(SONAME) as number],
    [DT.VERSYM, versym],
    [DT.VERDEF, verdef],
    [DT.VERDEFNUM, VERSIONS.length],
    [DT.NULL, 0],
  ] as const;
  for (const [i, [tag, value]] of tags.entries()) {
    view.setBigUint64(dynamic + 16 * i, BigInt(tag), true);
    view.setBigUint64(dynamic + 16 * i + 8, BigInt(value), true);
  }
  assert(at <= CODE_AT && CODE_AT + code.bytes.length <= PAGE, 'the vDSO fits its page');
  bytes.set(code.bytes, CODE_AT);
  writeHeaders(view, bytes, dynamic, 16 * tags.length);
  return bytes;
}

function writeVersion(view: DataView, at: number, n: number, name: string, nameAt: number): void {
  view.setUint16(at, 1, true);
  view.setUint16(at + 2, n === SYMBOL_VERSION ? 0 : VER_FLG_BASE, true);
  view.setUint16(at + 4, n, true);
  view.setUint16(at + 6, 1, true);
  view.setUint32(at + 8, elfHash(name), true);
  view.setUint32(at + 12, VERDEF, true);
  view.setUint32(at + 16, n === VERSIONS.length ? 0 : VERDEF + VERDAUX, true);
  view.setUint32(at + VERDEF, nameAt, true);
}

/** The hash of names in symbol tables and version definitions (gABI, "Hash Table Section"). */
function elfHash(name: string): number {
  let hash = 0;
  for (const letter of name) {
    hash = ((hash << 4) + letter.charCodeAt(0)) >>> 0;
    const high = hash & 0xf000_0000;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}

/** One bucket that chains every symbol. */
function writeHash(view: DataView, at: number, symbolCount: number): void {
  view.setUint32(at, 1, true);
  view.setUint32(at + 4, symbolCount + 1, true);
  view.setUint32(at + 8, 1, true);
  for (let i = 1; i < symbolCount; i++) view.setUint32(at + 12 + 4 * i, i + 1, true);
}

function writeHeaders(view: DataView, bytes: Uint8Array, dynamic: number, length: number): void {
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(EHDR), true);
  view.setUint16(52, EHDR, true);
  view.setUint16(54, PHDR, true);
  view.setUint16(56, 2, true);
  const header = (i: number, type: number, flags: number, offset: number, size: number) => {
    const at = EHDR + PHDR * i;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    for (const field of [8, 16, 24]) view.setBigUint64(at + field, BigInt(offset), true);
    for (const field of [32, 40]) view.setBigUint64(at + field, BigInt(size), true);
    view.setBigUint64(at + 48, type === PT.LOAD ? BigInt(PAGE) : 8n, true);
  };
  header(0, PT.LOAD, 5, 0, PAGE);
  header(1, PT.DYNAMIC, 4, dynamic, length);
}
