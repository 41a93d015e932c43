/** Finding and opening the file that execve(2) runs: permissions, scripts, their interpreters. */

import {
  EACCES,
  EIO,
  ELOOP,
  ENOENT,
  ENOEXEC,
  ERRNO_TEXTS,
  type Errno,
  ETXTBSY,
} from '../../abi/errno.table.ts';
import { O_NOFOLLOW, O_RDONLY, X_OK } from '../../abi/file-flags.ts';
import { S_IFMT, S_IFREG } from '../../abi/file-mode.ts';
import { hasElfMagic } from '../../elf/program.ts';
import { byteString, bytesOf, toText } from '../../vfs/byte-string.ts';
import type { Caller } from '../../vfs/caller.ts';
import { checkAccess } from '../../vfs/credentials.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { Inode } from '../../vfs/inode.ts';
import { openAgain, openAt } from '../../vfs/open.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import type { Vfs } from '../../vfs/vfs.ts';
import { ExecFailure } from './errors.ts';

/** A program found: an ELF file, and the arguments as scripts on the way changed them. */
export interface ProgramFile {
  /** Owned by the caller. */
  readonly file: OpenFile;
  readonly argv: readonly Uint8Array[];
  /** Where it was found, for messages: `shownName` makes a text of it. */
  readonly path: Uint8Array;
}

/** A path as people read it. */
export const shownName = (path: Uint8Array): string => toText(byteString(path));

/** What execve was asked to run. */
export interface ProgramRequest {
  readonly path: Uint8Array;
  readonly base?: Location | undefined;
  /** AT_EMPTY_PATH: the file itself. */
  readonly file?: OpenFile | undefined;
  /** AT_SYMLINK_NOFOLLOW. */
  readonly keepsLink?: boolean;
  /** The name leads through a descriptor that execve closes: no script interpreter could open it. */
  readonly nameVanishes?: boolean;
  /** The name that a script's interpreter gets (`/dev/fd/3` for descriptors). */
  readonly scriptName: Uint8Array;
  readonly argv: readonly Uint8Array[];
}

const SCRIPT_HEAD_BYTES = 256;
const MAX_SCRIPT_DEPTH = 5;

/** Opens the program, through at most five scripts (`load_script`). */
export function findProgram(
  vfs: Vfs,
  who: Caller,
  request: ProgramRequest,
  isKnownElf: (inode: Inode) => boolean,
): ProgramFile | ExecFailure {
  let { argv } = request;
  let name = request.scriptName;
  let found =
    request.file === undefined
      ? openProgram(vfs, who, request.base, request.path, request.keepsLink)
      : openFile(vfs, who, request.file, request.path);
  for (let depth = 0; ; depth++) {
    if (found instanceof ExecFailure) return found;
    const { file, path } = found;
    if (isKnownElf(file.inode)) return { file, argv, path };
    const head = new Uint8Array(SCRIPT_HEAD_BYTES);
    const got = file.readAt(0, head, 0, head.length);
    if (got < 0) return failed(file, EIO, `${shownName(path)} cannot be read`);
    if (hasElfMagic(head)) return { file, argv, path };
    const line = parseScriptLine(head.subarray(0, got));
    if (line === undefined)
      return failed(file, ENOEXEC, `${shownName(path)} is neither an ELF program nor a script`);
    if (request.nameVanishes === true)
      return failed(file, ENOENT, `${shownName(path)}: its interpreter could not open it`);
    if (depth >= MAX_SCRIPT_DEPTH)
      return failed(file, ELOOP, `${shownName(path)}: too many interpreters of interpreters`);
    file.release();
    argv = [line.interpreter, ...line.argument, name, ...argv.slice(1)];
    name = line.interpreter;
    const next = openProgram(vfs, who, undefined, line.interpreter);
    if (next instanceof ExecFailure)
      return new ExecFailure(next.errno, `interpreter of ${shownName(path)}: ${next.message}`);
    found = next;
  }
}

function failed(file: OpenFile, errno: Errno, message: string): ExecFailure {
  file.release();
  return new ExecFailure(errno, message);
}

interface OpenedProgram {
  readonly file: OpenFile;
  readonly path: Uint8Array;
}

/** Opens for execution: a regular file that the caller may execute, on a mount that allows it. */
export function openProgram(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Uint8Array,
  keepsLink = false,
): OpenedProgram | ExecFailure {
  if (path.length === 0) return new ExecFailure(ENOENT, 'the program has no name');
  const parsed = vfs.paths.find(path, 0, path.length);
  // Deviation: opening needs read permission here; Linux needs execute permission only.
  const file = openAt(vfs, who, base, parsed, keepsLink ? O_NOFOLLOW : O_RDONLY, 0);
  if (typeof file === 'number') {
    const errno = -file as Errno;
    return new ExecFailure(errno, `${shownName(path)}: ${ERRNO_TEXTS[errno] ?? errno}`);
  }
  return checkProgram(who, file, path);
}

/** A descriptor's own file; those that only name it (O_PATH) are opened for reading. */
function openFile(
  vfs: Vfs,
  who: Caller,
  file: OpenFile,
  path: Uint8Array,
): OpenedProgram | ExecFailure {
  const opened = file.isReadable ? file.retain() : openAgain(vfs, who, file);
  if (typeof opened === 'object') return checkProgram(who, opened, path);
  return new ExecFailure(-opened as Errno, `${shownName(path)} cannot be opened`);
}

function checkProgram(who: Caller, file: OpenFile, path: Uint8Array): OpenedProgram | ExecFailure {
  const { inode, mount } = file;
  if ((inode.mode & S_IFMT) !== S_IFREG)
    return failed(file, EACCES, `${shownName(path)} is not a regular file`);
  if (mount.forbidsExec)
    return failed(file, EACCES, `${shownName(path)} lies on a mount with noexec`);
  if (checkAccess(who.creds, inode, X_OK) < 0)
    return failed(file, EACCES, `${shownName(path)} may not be executed (permission)`);
  if (inode.writers > 0) return failed(file, ETXTBSY, `${shownName(path)} is open for writing`);
  return { file, path };
}

/** `#!` line: interpreter and at most one argument, blanks around them dropped. */
function parseScriptLine(
  head: Uint8Array,
): { interpreter: Uint8Array; argument: Uint8Array[] } | undefined {
  if (head[0] !== 0x23 || head[1] !== 0x21) return undefined;
  const newline = head.indexOf(0x0a);
  let text = byteString(head, 2, newline < 0 ? head.length : newline);
  const zero = text.indexOf('\0');
  if (zero >= 0) text = text.slice(0, zero);
  text = trimBlanks(text);
  if (text === '') return undefined;
  const blank = text.search(/[ \t]/);
  // A line that does not end within the buffer may have its interpreter cut off.
  if (newline < 0 && head.length === SCRIPT_HEAD_BYTES && blank < 0) return undefined;
  if (blank < 0) return { interpreter: bytesOf(text), argument: [] };
  const argument = trimBlanks(text.slice(blank));
  return { interpreter: bytesOf(text.slice(0, blank)), argument: [bytesOf(argument)] };
}

const trimBlanks = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '');
