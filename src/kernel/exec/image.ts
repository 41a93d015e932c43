/**
 * A program made ready to run in a fresh address space: segments, stack, heap. The caller's own
 * state is untouched until {@link ProgramImage} is complete, so that execve can still fail.
 */

import { ENOMEM, type Errno } from '../../abi/errno.table.ts';
import { S_ISGID, S_ISUID } from '../../abi/file-mode.ts';
import { ADDR_NO_RANDOMIZE } from '../../abi/personality.ts';
import { AT, CLK_TCK } from '../../abi/task-flags.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { HEAP_FLOOR, STACK_CEILING } from '../../mm/placement.ts';
import { bytesOf } from '../../vfs/byte-string.ts';
import type { Caller } from '../../vfs/caller.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { afterExec, type Credentials } from '../credentials.ts';
import type { Kernel } from '../kernel.ts';
import { type Limits, RLIMIT } from '../limits.ts';
import type { GuestCpu } from '../platform.ts';
import { minimumStackBytes } from '../signals/frame.ts';
import type { ProgramLayout } from '../thread-group.ts';
import { makeExecContext } from './context.ts';
import { ExecFailure } from './errors.ts';
import type { LoadedProgram } from './load-elf.ts';
import type { ReadyProgram } from './prepared.ts';
import { findProgram, type ProgramFile, type ProgramRequest, shownName } from './program-file.ts';
import { buildStack, checkArguments } from './stack.ts';

export interface ImageRequest {
  readonly program: ProgramRequest;
  readonly env: readonly Uint8Array[];
  readonly creds: Credentials;
  readonly fs: Parameters<typeof makeExecContext>[1]['fs'];
  readonly limits: Limits;
  readonly cpu: GuestCpu;
  /** By somebody who may not trace everybody: set-id bits do not count. */
  readonly isTraced?: boolean;
  /** personality(2) of the caller. */
  readonly personality?: number;
}

export interface ProgramImage {
  readonly space: AddressSpace;
  readonly start: number;
  readonly stackPointer: number;
  readonly creds: Credentials;
  readonly isSecure: boolean;
  readonly executable: Location;
  readonly comm: Uint8Array;
  readonly layout: ProgramLayout;
}

const PAGE = 4096;
const PLATFORM = bytesOf('x86_64');
const STACK_RANDOM_PAGES = 4096;
/** As `arch_align_stack` moves it: 16 bytes at a time, within this. */
const STACK_SHIFT_BYTES = PAGE;
/** The stack's mapping is rounded to this: a next process with other arguments has the same. */
const STACK_UNIT_BYTES = 4 * PAGE;
/** Room below the arguments that is mapped at once; the rest of the stack grows on demand. */
const INITIAL_STACK_BYTES = 132 * 1024;
/** The first frames lie below the arguments. */
const FIRST_FRAMES_BYTES = PAGE;
const HEAP_RANDOM_PAGES = 8192;

/** Builds the image, or says why not. */
export function buildImage(kernel: Kernel, request: ImageRequest): ProgramImage | ExecFailure {
  const { vfs } = kernel;
  const caller = { fs: request.fs, creds: request.creds };
  const tooLong = checkArguments(
    request.program.argv,
    request.env,
    request.limits.soft[RLIMIT.STACK] as number,
  );
  if (tooLong !== 0) return new ExecFailure(tooLong, 'arguments and environment are too long');
  const { programs } = kernel;
  const program = findProgram(
    vfs,
    caller,
    request.program,
    (inode) => programs.find(inode) !== undefined,
  );
  if (program instanceof ExecFailure) return program;
  const image = loadInto(kernel, caller, request, program);
  program.file.release();
  return image;
}

/** Into an address space of its own. */
function loadInto(
  kernel: Kernel,
  caller: Caller,
  request: ImageRequest,
  program: ProgramFile,
): ProgramImage | ExecFailure {
  const known = kernel.programs.find(program.file.inode);
  const space = kernel.createSpace(known?.template);
  if (typeof space === 'number')
    return new ExecFailure(-space as Errno, 'no memory is left for another address space');
  kernel.applyMemoryLimits(space, request.limits);
  const ready = kernel.programs.load(makeExecContext(kernel.vfs, caller), space, program, known);
  const image =
    ready instanceof ExecFailure ? ready : finish(kernel, request, program, space, ready);
  if (image instanceof ExecFailure) space[Symbol.dispose]();
  return image;
}

function finish(
  kernel: Kernel,
  request: ImageRequest,
  program: ProgramFile,
  space: AddressSpace,
  { loaded, vdsoAt }: ReadyProgram,
): ProgramImage | ExecFailure {
  const isRandom = ((request.personality ?? 0) & ADDR_NO_RANDOMIZE) === 0;
  placeHeap(space, loaded, isRandom ? randomBelow(kernel, HEAP_RANDOM_PAGES) : 0);
  const { creds, isSecure } = credentialsAfter(kernel, request, program.file);
  const random = new Uint8Array(16);
  kernel.entropy.fill(random);
  const { pages } = space;
  // Processes one after the other in a sandbox have their stacks in one place, which has its pages there.
  if (pages.stackTop === 0)
    pages.stackTop = STACK_CEILING - randomBelow(kernel, STACK_RANDOM_PAGES) * PAGE;
  const top = isRandom ? pages.stackTop : STACK_CEILING;
  const stack = buildStack(
    {
      argv: program.argv.length > 0 ? program.argv : [new Uint8Array(0)],
      env: request.env,
      programName: request.program.scriptName,
      platform: PLATFORM,
      random,
      auxv: auxiliaryVector(kernel, request, loaded, creds, isSecure, vdsoAt),
    },
    top - (isRandom ? randomBelow(kernel, STACK_SHIFT_BYTES / 16) : 0) * 16,
  );
  const low = top - STACK_SHIFT_BYTES - stack.bytes.length;
  const mapped = mapStack(space, low, top, loaded.hasExecutableStack);
  if (mapped >= 0)
    space.populate(stack.address - FIRST_FRAMES_BYTES, FIRST_FRAMES_BYTES + stack.bytes.length);
  if (mapped < 0 || space.copyOut(stack.address, stack.bytes) < 0)
    return new ExecFailure(ENOMEM, `${shownName(program.path)}: no memory for the stack`);
  pages.settle();
  const { mount, dentry } = program.file;
  return {
    space,
    start: loaded.start,
    stackPointer: stack.address,
    creds,
    isSecure,
    executable: { mount, dentry },
    comm: commOf(request.program.scriptName),
    layout: {
      argStart: stack.argStart,
      argEnd: stack.argEnd,
      envStart: stack.envStart,
      envEnd: stack.envEnd,
      auxv: stack.auxv,
      stackTop: stack.address,
      codeStart: loaded.codeStart,
      codeEnd: loaded.codeEnd,
    },
  };
}

/** The last part of the name, cut to 15 bytes. */
export function commOf(name: Uint8Array): Uint8Array {
  const slash = name.lastIndexOf(0x2f);
  return name.slice(slash + 1, slash + 16);
}

function randomBelow(kernel: Kernel, bound: number): number {
  return kernel.options.randomizeLayout === false ? 0 : kernel.randomBelow(bound);
}

/**
 * A fixed program's heap follows its data, as everywhere; others have theirs elsewhere. Lisps that were
 * dumped while they ran (GCL, old Emacs) ask for no gap: their heap goes on behind their data.
 */
function placeHeap(space: AddressSpace, loaded: LoadedProgram, gapPages: number): void {
  const end = Math.ceil(loaded.imageEnd / PAGE) * PAGE;
  space.initBrk((loaded.isFixed ? end : HEAP_FLOOR) + gapPages * PAGE);
}

function mapStack(space: AddressSpace, low: number, top: number, executable: boolean): number {
  const start = Math.floor((low - INITIAL_STACK_BYTES) / STACK_UNIT_BYTES) * STACK_UNIT_BYTES;
  return space.map({
    addr: start,
    length: top - start,
    prot: executable ? 7 : 3,
    fixed: true,
    growsDown: true,
    label: '[stack]',
  });
}

function credentialsAfter(
  kernel: Kernel,
  { creds, isTraced }: ImageRequest,
  file: OpenFile,
): { creds: Credentials; isSecure: boolean } {
  const { mode, uid, gid } = file.inode;
  const honoured =
    kernel.options.honoursSetuid !== false &&
    !file.mount.ignoresSetuid &&
    !creds.noNewPrivs &&
    isTraced !== true;
  const setuid = honoured && (mode & S_ISUID) !== 0 ? uid : undefined;
  // Set-group-id without group execute means mandatory locking, not a new group.
  const setgid = honoured && (mode & S_ISGID) !== 0 && (mode & 0o010) !== 0 ? gid : undefined;
  return afterExec(creds, setuid, setgid);
}

function auxiliaryVector(
  kernel: Kernel,
  request: ImageRequest,
  loaded: LoadedProgram,
  creds: Credentials,
  isSecure: boolean,
  vdsoAt: number,
): number[] {
  const { platform } = kernel;
  const vector = vdsoAt === 0 ? [] : [AT.AT_SYSINFO_EHDR as number, vdsoAt];
  // biome-ignore format: types and values by turns
  vector.push(
    AT.AT_MINSIGSTKSZ, minimumStackBytes(request.cpu),
    AT.AT_HWCAP, platform.hwcap >>> 0,
    AT.AT_PAGESZ, PAGE,
    AT.AT_CLKTCK, CLK_TCK,
    AT.AT_PHDR, loaded.headersAt,
    AT.AT_PHENT, 56,
    AT.AT_PHNUM, loaded.headerCount,
    AT.AT_BASE, loaded.interpreterBase,
    AT.AT_FLAGS, 0,
    AT.AT_ENTRY, loaded.entry,
    AT.AT_UID, creds.uid,
    AT.AT_EUID, creds.euid,
    AT.AT_GID, creds.gid,
    AT.AT_EGID, creds.egid,
    AT.AT_SECURE, isSecure ? 1 : 0,
    AT.AT_HWCAP2, platform.hwcap2 >>> 0,
  );
  return vector;
}
