/**
 * A configfs-tsm tree in a temporary directory that behaves as `drivers/virt/coco/guest/report.c`
 * does: attributes appear with the directory, every write adds one to `generation`, `outblob`
 * follows `inblob`. Faults can be armed.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeTeeFiles, type TeeFiles } from '../../host/tee-files.ts';
import { TSM_ROOT } from '../tsm.ts';

export interface FakeTsmOptions {
  readonly provider: string;
  /** Report and certificate table for an inblob. */
  readonly answer: (inblob: Uint8Array) => { outblob: Uint8Array; auxblob?: Uint8Array };
  /** Errors by "operation attribute", for example `read outblob` → `ETIMEDOUT`. */
  readonly faults?: Readonly<Record<string, string>>;
  /** How many times a stranger writes between our write and our read. */
  readonly strangerWrites?: number;
}

export class FakeTsm implements TeeFiles, Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'fake-tsm-'));
  readonly #files: TeeFiles;
  readonly #options: FakeTsmOptions;
  #strangerWrites: number;

  constructor(options: FakeTsmOptions) {
    this.#options = options;
    this.#strangerWrites = options.strangerWrites ?? 0;
    this.#files = nodeTeeFiles(this.root);
    mkdirSync(join(this.root, TSM_ROOT), { recursive: true });
  }

  #fault(operation: string, path: string): void {
    const word = this.#options.faults?.[`${operation} ${path.split('/').pop() ?? ''}`];
    const any = this.#options.faults?.[operation];
    const code = word ?? any;
    if (code) throw Object.assign(new Error(`${code}: ${path}`), { code });
  }

  exists(path: string): boolean {
    return this.#files.exists(path);
  }

  makeDirectory(path: string): void {
    this.#fault('mkdir', path);
    this.#files.makeDirectory(path);
    const put = (name: string, text: string) => writeFileSync(join(this.root, path, name), text);
    put('provider', `${this.#options.provider}\n`);
    put('generation', '0\n');
    put('privlevel', '');
    put('inblob', '');
  }

  removeDirectory(path: string): void {
    // rmdir of a configfs item takes its attributes along.
    rmSync(join(this.root, path), { recursive: true });
  }

  #bump(directory: string): void {
    const generation = join(this.root, directory, 'generation');
    writeFileSync(generation, `${Number(readFileSync(generation, 'utf8')) + 1}\n`);
  }

  write(path: string, bytes: Uint8Array): void {
    this.#fault('write', path);
    this.#files.write(path, bytes);
    const directory = path.slice(0, path.lastIndexOf('/'));
    this.#bump(directory);
    if (!path.endsWith('/inblob')) return;
    const { outblob, auxblob } = this.#options.answer(bytes);
    writeFileSync(join(this.root, directory, 'outblob'), outblob);
    writeFileSync(join(this.root, directory, 'auxblob'), auxblob ?? new Uint8Array(0));
    if (this.#strangerWrites-- > 0) this.#bump(directory);
  }

  read(path: string): Uint8Array {
    this.#fault('read', path);
    return this.#files.read(path);
  }

  /** Request directories that were left behind. */
  leftovers(): string[] {
    return readdirSync(join(this.root, TSM_ROOT));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
