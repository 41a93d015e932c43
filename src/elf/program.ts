/**
 * Reader of what execve(2) needs of an ELF file: header, program headers, interpreter (System V
 * gABI chapters 4 and 5, x86-64 psABI). The bytes may be hostile: every field is checked against
 * the file's size and the guest's 4 GiB before it is used. Reads ranges, copies nothing else.
 */

import { EINVAL, EIO, ELIBBAD, ENOEXEC, type Errno } from '../abi/errno.table.ts';

/** Why a file is not a program for this machine: for people, and the errno for guests. */
export interface ElfFault {
  readonly message: string;
  readonly errno: Errno;
}

export interface ProgramHeader {
  readonly type: number;
  /** PF_X, PF_W, PF_R. */
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

export interface ElfProgram {
  /** ET_EXEC: loaded where it says; ET_DYN: anywhere. */
  readonly isFixed: boolean;
  readonly entry: number;
  readonly headerOffset: number;
  readonly headerCount: number;
  readonly headers: readonly ProgramHeader[];
  /** PT_LOAD only, ascending. */
  readonly segments: readonly ProgramHeader[];
  /** PT_INTERP without its NUL. */
  readonly interpreter: Uint8Array | undefined;
  /** PT_GNU_STACK asks for an executable stack (or is missing). */
  readonly hasExecutableStack: boolean;
}

/** Fills `target` from the file; the bytes read, fewer at its end, or -errno. */
export type ReadAt = (offset: number, target: Uint8Array) => number;

/** Of a file that lies in memory. */
export function readerOf(file: Uint8Array): ReadAt {
  return (offset, target) => {
    const piece = file.subarray(offset, offset + target.length);
    target.set(piece);
    return piece.length;
  };
}

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_PHDR = 6;
export const PT_GNU_STACK = 0x6474e551;
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;
export const EHDR_BYTES = 64;
export const PHDR_BYTES = 56;

const PAGE = 4096;
const GUEST_BYTES = 0x1_0000_0000;
/** Linux reads at most 64 KiB of program headers. */
const MAX_HEADERS = 65536 / PHDR_BYTES;
const PATH_MAX = 4096;
const MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'Intel 80386',
  8: 'MIPS',
  20: 'PowerPC',
  21: '64-bit PowerPC',
  22: 'IBM S/390',
  40: 'ARM',
  50: 'IA-64',
  183: 'AArch64',
  243: 'RISC-V',
  258: 'LoongArch',
};

const fault = (message: string, errno: Errno = ENOEXEC): ElfFault => ({ message, errno });

export function isElfFault(value: ElfProgram | ElfFault): value is ElfFault {
  return 'message' in value;
}

/** True for anything that begins like an ELF file. */
export function hasElfMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads a program or interpreter. `fileBytes` is the size of the file. */
export function readElfProgram(read: ReadAt, fileBytes: number): ElfProgram | ElfFault {
  const header = new Uint8Array(EHDR_BYTES);
  const got = read(0, header);
  if (got < 0) return fault('cannot be read', EIO);
  const wrong = checkIdentity(header, got);
  if (wrong !== undefined) return wrong;
  const view = new DataView(header.buffer);
  const type = view.getUint16(16, true);
  if (type !== 2 && type !== 3)
    return fault(`is an ELF file of type ${type}, neither executable nor shared object`);
  const machine = view.getUint16(18, true);
  if (machine !== 62)
    return fault(`is for another machine (${MACHINES[machine] ?? machine}), not x86-64`);
  const headerOffset = number64(view, 32);
  const headerCount = view.getUint16(56, true);
  if (view.getUint16(54, true) !== PHDR_BYTES)
    return fault(`has program headers of ${view.getUint16(54, true)} bytes instead of 56`);
  if (headerCount === 0 || headerCount > MAX_HEADERS)
    return fault(`has ${headerCount} program headers`);
  const headers = readHeaders(read, headerOffset, headerCount, fileBytes);
  if ('message' in headers) return headers;
  const segments = headers.filter(({ type: kind }) => kind === PT_LOAD);
  const bad = checkSegments(segments, fileBytes);
  if (bad !== undefined) return bad;
  const interpreter = readInterpreter(read, headers);
  if (interpreter !== undefined && 'message' in interpreter) return interpreter;
  const stack = headers.find(({ type: kind }) => kind === PT_GNU_STACK);
  return {
    isFixed: type === 2,
    entry: number64(view, 24),
    headerOffset,
    headerCount,
    headers,
    segments,
    interpreter,
    hasExecutableStack: stack === undefined || (stack.flags & PF_X) !== 0,
  };
}

function checkIdentity(header: Uint8Array, got: number): ElfFault | undefined {
  if (got < 4 || !hasElfMagic(header)) return fault('is not an ELF file');
  if (got < EHDR_BYTES) return fault(`is truncated: ${got} bytes, an ELF header has 64`);
  if (header[4] === 1) return fault('is a 32-bit program; only 64-bit programs run');
  if (header[4] !== 2) return fault(`has the unknown ELF class ${header[4]}`);
  if (header[5] !== 1) return fault('is big-endian');
  return undefined;
}

function number64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

function readHeaders(
  read: ReadAt,
  offset: number,
  count: number,
  fileBytes: number,
): ProgramHeader[] | ElfFault {
  const bytes = new Uint8Array(count * PHDR_BYTES);
  if (offset + bytes.length > fileBytes)
    return fault(
      `is truncated: program headers end at byte ${offset + bytes.length} of ${fileBytes}`,
    );
  if (read(offset, bytes) !== bytes.length) return fault('has unreadable program headers', EIO);
  const view = new DataView(bytes.buffer);
  const headers: ProgramHeader[] = [];
  for (let at = 0; at < bytes.length; at += PHDR_BYTES)
    headers.push({
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: number64(view, at + 8),
      vaddr: number64(view, at + 16),
      fileBytes: number64(view, at + 32),
      memoryBytes: number64(view, at + 40),
      align: number64(view, at + 48),
    });
  return headers;
}

function checkSegments(
  segments: readonly ProgramHeader[],
  fileBytes: number,
): ElfFault | undefined {
  if (segments.length === 0) return fault('has no segment to load');
  let end = 0;
  for (const [i, segment] of segments.entries()) {
    const name = `segment ${i}`;
    if (segment.fileBytes > segment.memoryBytes)
      return fault(`${name} has more bytes in the file than in memory`, EINVAL);
    if (segment.offset % PAGE !== segment.vaddr % PAGE)
      return fault(`${name} is not aligned: offset and address differ within a page`, EINVAL);
    if (segment.vaddr + segment.memoryBytes > GUEST_BYTES)
      return fault(`${name} lies above 4 GiB, outside of what a guest can address`);
    if (segment.fileBytes > 0 && segment.offset + segment.fileBytes > fileBytes)
      return fault(
        `is truncated: ${name} ends at byte ${segment.offset + segment.fileBytes} of ${fileBytes}`,
      );
    if (segment.vaddr < end) return fault(`${name} overlaps the one before or is out of order`);
    end = segment.vaddr + segment.memoryBytes;
  }
  return undefined;
}

function readInterpreter(
  read: ReadAt,
  headers: readonly ProgramHeader[],
): Uint8Array | ElfFault | undefined {
  const header = headers.find(({ type }) => type === PT_INTERP);
  if (header === undefined) return undefined;
  const length = header.fileBytes;
  if (length < 2 || length > PATH_MAX) return fault(`names an interpreter of ${length} bytes`);
  const bytes = new Uint8Array(length);
  if (read(header.offset, bytes) !== length)
    return fault('is truncated: the name of its interpreter lies behind its end', ELIBBAD);
  if (bytes[length - 1] !== 0) return fault('names an interpreter without an end');
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end);
}
