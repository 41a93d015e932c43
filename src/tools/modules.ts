/** ELF files that guests have mapped: from a guest address to a place in a file, and its names. */

import { FrameTable } from '../elf/frames.ts';
import { type ProgramHeader, PT_LOAD, readElfProgram, readerOf } from '../elf/program.ts';
import { CodeSymbols } from '../elf/symbols.ts';
import type { AddressSpace, Area } from '../mm/address-space.ts';
import type { MappedFile } from '../mm/mapped-file.ts';
import { CodeNames, hexOf } from './names.ts';

/** Larger files are shown by address. */
const MAX_FILE_BYTES = 1 << 28;
const MAX_MODULES = 4096;
const PROT_EXEC = 4;

export interface Place {
  readonly module: Module;
  /** As the file's headers name it. */
  readonly address: number;
}

/** A function of a module: what samples are counted by. */
export interface NamedRange {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export class Module {
  readonly path: string;
  readonly frames: FrameTable;
  readonly #symbols: CodeSymbols;
  readonly #names: CodeNames;
  readonly #segments: readonly ProgramHeader[];

  constructor(path: string, file: Uint8Array) {
    this.path = path;
    const elf = readElfProgram(readerOf(file), file.length);
    const headers = 'message' in elf ? [] : elf.headers;
    this.#segments = headers.filter(({ type }) => type === PT_LOAD);
    this.frames = new FrameTable(file, headers);
    this.#symbols = new CodeSymbols(file);
    this.#names = new CodeNames(this.#symbols, (address, length) => {
      const offset = this.#offsetOf(address);
      return offset === undefined ? new Uint8Array(0) : file.subarray(offset, offset + length);
    });
  }

  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** The address that the headers give to an offset of the file. */
  addressOf(offset: number): number {
    const segment = this.#segments.find(
      (one) => offset >= one.offset && offset < one.offset + one.fileBytes,
    );
    return segment ? offset - segment.offset + segment.vaddr : offset;
  }

  #offsetOf(address: number): number | undefined {
    const segment = this.#segments.find(
      (one) => address >= one.vaddr && address < one.vaddr + one.fileBytes,
    );
    return segment && address - segment.vaddr + segment.offset;
  }

  /** By symbol; else by the address at which the function begins, as far as the file tells. */
  rangeAt(address: number): NamedRange {
    const range = this.#symbols.rangeAt(address);
    if (!range) return { name: `${this.name}+${hexOf(address)}`, start: address, end: address + 1 };
    const { start, end } = range;
    const name = range.name ?? this.#names.of(address) ?? `${this.name}+${hexOf(start)}`;
    // Each entry of a linkage table is a function of its own.
    const isStub = range.name === undefined && name.endsWith('@plt');
    return isStub ? { name, start: address, end: address + 1 } : { name, start, end };
  }
}

export class Modules {
  readonly #byFile = new Map<string, Module>();

  /** Undefined: no file is mapped there, or the address may not be executed. */
  placeAt(space: AddressSpace, rip: number): Place | undefined {
    const area = space.areaAt(rip);
    const module = area && this.of(area);
    return module && { module, address: module.addressOf(rip - area.start + area.fileOffset) };
  }

  of(area: Area): Module | undefined {
    const { file } = area;
    if (file === undefined || (area.prot & PROT_EXEC) === 0) return undefined;
    const { deviceMajor, deviceMinor, inode } = file;
    const key = `${area.contentVersion ?? ''} ${deviceMajor}:${deviceMinor}:${inode}`;
    const known = this.#byFile.get(key);
    if (known || this.#byFile.size >= MAX_MODULES) return known;
    const module = new Module(new TextDecoder().decode(file.path), contentOf(file));
    this.#byFile.set(key, module);
    return module;
  }
}

function contentOf(file: MappedFile): Uint8Array {
  const size = file.size();
  const bytes = new Uint8Array(size <= MAX_FILE_BYTES ? size : 0);
  let done = 0;
  while (done < bytes.length) {
    const got = file.readAt(done, bytes.subarray(done));
    if (got <= 0) break;
    done += got;
  }
  return bytes.subarray(0, done);
}
