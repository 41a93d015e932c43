/**
 * Programs that were loaded before: what of them is the same for every process is kept, so that the
 * next one neither reads headers nor maps segment by segment. As long as its files have not changed; who
 * may execute what is asked anew each time.
 */

import type { AddressSpace } from '../../mm/address-space.ts';
import type { MappedFile } from '../../mm/mapped-file.ts';
import type { SpaceTemplate } from '../../mm/template.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import type { ExecContext } from './context.ts';
import { ExecFailure } from './errors.ts';
import { type LoadedFile, type LoadedProgram, loadProgram } from './load-elf.ts';
import { openProgram, type ProgramFile } from './program-file.ts';
import type { VdsoImage } from './vdso.ts';

/** A program, and the kernel's own shared object beside it: 0 without. */
export interface ReadyProgram {
  readonly loaded: LoadedProgram;
  readonly vdsoAt: number;
}

/** A program as it was loaded once. */
export interface PreparedProgram {
  readonly ready: ReadyProgram;
  readonly template: SpaceTemplate;
  /** Names the content that it had. */
  readonly version: string;
  /** Name, inode, content of the interpreter. */
  readonly interpreter:
    | { readonly name: Uint8Array; readonly inode: Inode; readonly version: string }
    | undefined;
  readonly zeroed: readonly number[];
}

export class PreparedPrograms {
  readonly #vdso: VdsoImage | undefined;
  readonly #known = new WeakMap<Inode, PreparedProgram>();

  constructor(vdso: VdsoImage | undefined) {
    this.#vdso = vdso;
  }

  /** Undefined: it was not loaded before, or its file has changed. */
  find(inode: Inode): PreparedProgram | undefined {
    const known = this.#known.get(inode);
    return known !== undefined && known.version === inode.settledVersion ? known : undefined;
  }

  /** Loads into an empty space. `known`: what `find` answered. */
  load(
    context: ExecContext,
    space: AddressSpace,
    program: ProgramFile,
    known: PreparedProgram | undefined,
  ): ReadyProgram | ExecFailure {
    if (known !== undefined && showAgain(context, space, program.file, known)) return known.ready;
    const loaded = loadProgram(context, space, program);
    if (loaded instanceof ExecFailure) return loaded;
    const ready = { loaded, vdsoAt: this.#vdso?.map(space) ?? 0 };
    const prepared = prepare(space, ready);
    if (prepared !== undefined) this.#known.set(program.file.inode, prepared);
    return ready;
  }
}

/** Undefined: it is not the same for all. */
function prepare(space: AddressSpace, ready: ReadyProgram): PreparedProgram | undefined {
  const { parts } = ready.loaded;
  const [program, interpreter] = parts as [LoadedFile, LoadedFile | undefined];
  const version = program.inode.settledVersion;
  const otherVersion = interpreter?.inode.settledVersion;
  if (version === undefined) return undefined;
  if (interpreter !== undefined && otherVersion === undefined) return undefined;
  const template = space.template(parts.map(({ file }) => file));
  if (template === undefined) return undefined;
  const name = interpreter?.name;
  return {
    // The files stay open no longer than their mappings.
    ready: { ...ready, loaded: { ...ready.loaded, parts: [] } },
    template,
    version,
    interpreter:
      name === undefined
        ? undefined
        : { name, inode: interpreter?.inode as Inode, version: otherVersion as string },
    zeroed: parts.flatMap(({ zeroed }) => zeroed),
  };
}

function showAgain(
  context: ExecContext,
  space: AddressSpace,
  file: OpenFile,
  known: PreparedProgram,
): boolean {
  const { interpreter, template } = known;
  const own = context.mappingOf(file);
  if (interpreter === undefined) return show(space, template, [own], known.zeroed);
  const opened = openProgram(context.vfs, context.caller, undefined, interpreter.name);
  // Why it cannot be opened is told by who loads it afresh.
  if (opened instanceof ExecFailure) return false;
  const { inode } = opened.file;
  const isSame = inode === interpreter.inode && inode.settledVersion === interpreter.version;
  const other = context.mappingOf(opened.file);
  const isShown = isSame && show(space, template, [own, other], known.zeroed);
  opened.file.release();
  return isShown;
}

function show(
  space: AddressSpace,
  template: SpaceTemplate,
  files: readonly MappedFile[],
  zeroed: readonly number[],
): boolean {
  if (!space.show(template, files)) return false;
  for (let n = 0; n < zeroed.length; n += 2)
    if (space.zeroOut(zeroed[n] as number, zeroed[n + 1] as number) < 0) {
      return space.unmap(0, 2 ** 32) < 0;
    }
  return true;
}
