/**
 * Maps an ELF program and its interpreter into a fresh address space (`load_elf_binary`). Segments
 * are private mappings of the file's own pages: nothing is copied but the partial pages at the end
 * of data segments.
 */

import { EACCES, EINVAL, ELIBBAD, ENOENT, ENOMEM, type Errno } from '../../abi/errno.table.ts';
import {
  type ElfProgram,
  isElfFault,
  PF_R,
  PF_W,
  PF_X,
  PHDR_BYTES,
  type ProgramHeader,
  PT_PHDR,
  readElfProgram,
} from '../../elf/program.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import type { MappedFile } from '../../mm/mapped-file.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import type { ExecContext } from './context.ts';
import { ExecFailure } from './errors.ts';
import { openProgram, type ProgramFile, shownName } from './program-file.ts';

const PAGE = 4096;
/** What asks for more is placed at this, as far as it goes: a guest has 4 GiB. */
const MOST_ALIGNED = 2 ** 26;
const pageDown = (addr: number) => addr - (addr % PAGE);
const pageUp = (addr: number) => pageDown(addr + PAGE - 1);

/** Where a program was loaded, as the auxiliary vector tells it. */
export interface LoadedProgram {
  /** First instruction to run: the interpreter's, when there is one. */
  readonly start: number;
  readonly entry: number;
  readonly headersAt: number;
  readonly headerCount: number;
  /** Load address of the interpreter, 0 without. */
  readonly interpreterBase: number;
  /** Behind the last segment of the program. */
  readonly imageEnd: number;
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly isFixed: boolean;
  readonly hasExecutableStack: boolean;
  /** The program, then its interpreter. */
  readonly parts: readonly LoadedFile[];
}

/** What one file brought into the space. */
export interface LoadedFile {
  readonly file: MappedFile;
  readonly inode: Inode;
  /** The name by which the program asks for it: of the interpreter. */
  readonly name: Uint8Array | undefined;
  /** Start and length of the zeros in the last pages of its data, by turns. */
  readonly zeroed: readonly number[];
}

/** Loads into `space`. Nothing of the caller is changed when it fails. */
export function loadProgram(
  context: ExecContext,
  space: AddressSpace,
  program: ProgramFile,
): LoadedProgram | ExecFailure {
  const path = shownName(program.path);
  const elf = readProgram(program.file, path);
  if (elf instanceof ExecFailure) return elf;
  const image = mapImage(context, space, program.file, elf, path);
  if (image instanceof ExecFailure) return image;
  const entry = elf.entry + image.bias;
  const shared = {
    entry,
    headersAt: headersAddress(elf, image.bias),
    headerCount: elf.headerCount,
    imageEnd: image.end,
    codeStart: image.codeStart,
    codeEnd: image.codeEnd,
    isFixed: elf.isFixed,
    hasExecutableStack: elf.hasExecutableStack,
  };
  const own = { ...image.part, inode: program.file.inode, name: undefined };
  if (elf.interpreter === undefined)
    return { ...shared, start: entry, interpreterBase: 0, parts: [own] };
  const name = shownName(elf.interpreter);
  const opened = openProgram(context.vfs, context.caller, undefined, elf.interpreter);
  if (opened instanceof ExecFailure)
    return new ExecFailure(
      opened.errno,
      opened.errno === ENOENT
        ? `${path} needs the interpreter ${name}, which does not exist`
        : `${path}: interpreter ${opened.message}`,
    );
  using _release = { [Symbol.dispose]: () => opened.file.release() };
  const interpreter = readProgram(opened.file, name);
  if (interpreter instanceof ExecFailure) return new ExecFailure(ELIBBAD, interpreter.message);
  const base = mapImage(context, space, opened.file, interpreter, name);
  if (base instanceof ExecFailure) return base;
  const { inode } = opened.file;
  const parts = [own, { ...base.part, inode, name: elf.interpreter }];
  return { ...shared, start: interpreter.entry + base.bias, interpreterBase: base.bias, parts };
}

function readProgram(file: OpenFile, path: string): ElfProgram | ExecFailure {
  const read = (offset: number, target: Uint8Array) =>
    file.readAt(offset, target, 0, target.length);
  const elf = readElfProgram(read, file.inode.size);
  return isElfFault(elf) ? new ExecFailure(elf.errno, `${path} ${elf.message}`) : elf;
}

interface Image {
  /** Added to every address of the file. */
  readonly bias: number;
  readonly end: number;
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly part: Pick<LoadedFile, 'file' | 'zeroed'>;
}

function mapImage(
  context: ExecContext,
  space: AddressSpace,
  file: OpenFile,
  elf: ElfProgram,
  path: string,
): Image | ExecFailure {
  const { segments } = elf;
  const first = segments[0] as ProgramHeader;
  const last = segments.at(-1) as ProgramHeader;
  const low = pageDown(first.vaddr);
  const totalBytes = pageUp(last.vaddr + last.memoryBytes) - low;
  const mapping = context.mappingOf(file);
  let bias = 0;
  if (!elf.isFixed) {
    // Reserve the whole span at once, so that all segments keep their distances.
    const base = space.map({
      addr: 0,
      length: totalBytes,
      prot: protectionOf(first),
      file: mapping,
      fileOffset: pageDown(first.offset),
      placement: 'module',
      align: alignmentOf(segments),
      populate: true,
    });
    if (base < 0) return mapFailure(-base as Errno, path);
    bias = base - low;
  }
  // The first segment stands there already, unless zeros follow its bytes.
  const isFirstDone = !elf.isFixed && first.memoryBytes === first.fileBytes;
  const zeroed: number[] = [];
  let codeStart = Number.POSITIVE_INFINITY;
  let codeEnd = 0;
  let mappedEnd = pageDown(first.vaddr + bias);
  for (const [i, segment] of segments.entries()) {
    const start = pageDown(segment.vaddr + bias);
    if (!elf.isFixed && start > mappedEnd) space.unmap(mappedEnd, start - mappedEnd);
    mappedEnd = Math.max(mappedEnd, pageUp(segment.vaddr + segment.memoryBytes + bias));
    const result = i === 0 && isFirstDone ? 0 : mapSegment(space, mapping, segment, bias, zeroed);
    if (result < 0) return mapFailure(-result as Errno, path);
    if ((segment.flags & PF_X) === 0) continue;
    codeStart = Math.min(codeStart, segment.vaddr + bias);
    codeEnd = Math.max(codeEnd, segment.vaddr + segment.fileBytes + bias);
  }
  if (codeEnd === 0) codeStart = 0;
  const part = { file: mapping, zeroed };
  return { bias, end: last.vaddr + last.memoryBytes + bias, codeStart, codeEnd, part };
}

/** The largest alignment that a segment asks for, where it is a power of two (`maximum_alignment`). */
function alignmentOf(segments: readonly ProgramHeader[]): number {
  let most = PAGE;
  for (const { align } of segments)
    if (align <= MOST_ALIGNED && Number.isInteger(Math.log2(align))) most = Math.max(most, align);
  return most;
}

function mapFailure(errno: Errno, path: string): ExecFailure {
  if (errno === ENOMEM) return new ExecFailure(ENOMEM, `${path}: out of memory`);
  if (errno === EACCES) return new ExecFailure(EACCES, `${path} may not be mapped for execution`);
  return new ExecFailure(errno, `${path} has a segment at an address that guests cannot use`);
}

function protectionOf(segment: ProgramHeader): number {
  const { flags } = segment;
  return ((flags & PF_R) !== 0 ? 1 : 0) | ((flags & PF_W) !== 0 ? 2 : 0) | (flags & PF_X ? 4 : 0);
}

/** One PT_LOAD: file pages, zeros in the last one behind the file's bytes, zero pages behind. */
function mapSegment(
  space: AddressSpace,
  file: MappedFile,
  segment: ProgramHeader,
  bias: number,
  zeroed: number[],
): number {
  const start = segment.vaddr + bias;
  const fileEnd = start + segment.fileBytes;
  const memoryEnd = start + segment.memoryBytes;
  const prot = protectionOf(segment);
  const firstPage = pageDown(start);
  let mappedEnd = firstPage;
  if (segment.fileBytes > 0) {
    mappedEnd = pageUp(fileEnd);
    const result = space.map({
      addr: firstPage,
      length: mappedEnd - firstPage,
      prot,
      fixed: true,
      file,
      fileOffset: pageDown(segment.offset),
      placement: 'module',
      populate: true,
    });
    if (result < 0) return result;
    const isCut = segment.memoryBytes > segment.fileBytes && fileEnd < mappedEnd;
    if (isCut && (segment.flags & PF_W) !== 0) {
      const result = space.poke(fileEnd, new Uint8Array(mappedEnd - fileEnd));
      if (result < 0) return -EINVAL;
      zeroed.push(fileEnd, mappedEnd - fileEnd);
    }
  }
  if (pageUp(memoryEnd) <= mappedEnd) return 0;
  const zeros = space.map({
    addr: mappedEnd,
    length: pageUp(memoryEnd) - mappedEnd,
    prot,
    fixed: true,
    populate: true,
  });
  return Math.min(zeros, 0);
}

/** AT_PHDR: PT_PHDR, else wherever the segment that holds the headers was loaded. */
function headersAddress(elf: ElfProgram, bias: number): number {
  const own = elf.headers.find(({ type }) => type === PT_PHDR);
  if (own !== undefined) return own.vaddr + bias;
  const end = elf.headerOffset + elf.headerCount * PHDR_BYTES;
  for (const segment of elf.segments)
    if (segment.offset <= elf.headerOffset && end <= segment.offset + segment.fileBytes)
      return elf.headerOffset - segment.offset + segment.vaddr + bias;
  return 0;
}
