/**
 * A freshness anchor in a file: for development, and for a data owner who keeps the file where the
 * host of the volume does not reach. On the same disk it protects against nothing.
 *
 * JSON: volume id in hex → `{generation, commitment}`. Several volumes may share one file; a lock
 * on `FILE.lock` keeps their changes apart.
 */

import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { VolumeError } from '../fs/sealed/errors.ts';
import type { AnchorState, FreshnessAnchor } from '../fs/sealed/l4-store/anchor.ts';
import { tryLock } from './native/file-lock.ts';

const LOCK_WAITS = 500;
const LOCK_WAIT_MS = 10;

export class FileAnchor implements FreshnessAnchor {
  readonly name: string;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.name = `anchor file ${path}`;
  }

  read(volumeId: Uint8Array): AnchorState | undefined {
    return this.#load().get(hex(volumeId));
  }

  advance(volumeId: Uint8Array, expected: AnchorState | undefined, next: AnchorState): void {
    this.#locked(() => {
      const all = this.#load();
      const key = hex(volumeId);
      if (!isSame(all.get(key), expected))
        throw new VolumeError(
          'CLOISTER_VOLUME_STALE',
          `${this.name} was moved by someone else: another run uses this volume`,
        );
      all.set(key, next);
      this.#store(all);
    });
  }

  /** Runs `step` while no other process changes the file. */
  #locked(step: () => void): void {
    const fd = this.#do('locked', () =>
      openSync(`${this.#path}.lock`, constants.O_RDWR | constants.O_CREAT, 0o600),
    );
    try {
      const never = new Int32Array(new SharedArrayBuffer(4));
      for (let waits = 0; !tryLock(fd, 'write'); waits++) {
        if (waits === LOCK_WAITS) throw this.#failed('locked', 'others hold it');
        Atomics.wait(never, 0, 0, LOCK_WAIT_MS);
      }
      step();
    } finally {
      closeSync(fd);
    }
  }

  #load(): Map<string, AnchorState> {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return new Map();
      throw this.#failed('read', codeOf(cause), cause);
    }
    const states = parse(text);
    if (states !== undefined) return states;
    throw new VolumeError(
      'CLOISTER_VOLUME_STALE',
      `${this.name} is damaged, or something else: nothing says whether the volume is fresh. ` +
        'Put a copy of it back, or accept what is there with `cloister volume anchor`',
    );
  }

  #store(all: ReadonlyMap<string, AnchorState>): void {
    const states = [...all].map(([id, { generation, commitment }]) => [
      id,
      { generation, commitment: hex(commitment) },
    ]);
    const temporary = `${this.#path}.new`;
    this.#do('written', () => {
      const fd = openSync(temporary, 'w', 0o600);
      try {
        writeSync(fd, JSON.stringify(Object.fromEntries(states)));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, this.#path);
    });
  }

  #do<T>(done: string, step: () => T): T {
    try {
      return step();
    } catch (cause) {
      throw this.#failed(done, codeOf(cause), cause);
    }
  }

  #failed(done: string, why: string, cause?: unknown): VolumeError {
    const message = `${this.name} cannot be ${done} (${why})`;
    return new VolumeError('CLOISTER_VOLUME_IO', message, cause);
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const codeOf = (cause: unknown): string => (cause as { code?: string }).code ?? String(cause);

function isSame(a: AnchorState | undefined, b: AnchorState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.generation === b.generation && hex(a.commitment) === hex(b.commitment);
}

/** What the file says; undefined when it is not what {@link FileAnchor} writes. */
function parse(text: string): Map<string, AnchorState> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const states = new Map<string, AnchorState>();
  for (const [id, state] of Object.entries(parsed)) {
    const { generation, commitment } = (state ?? {}) as Record<string, unknown>;
    const isState =
      Number.isSafeInteger(generation) &&
      typeof commitment === 'string' &&
      /^[0-9a-f]{64}$/.test(commitment);
    if (!isState) return undefined;
    const bytes = new Uint8Array(Buffer.from(commitment, 'hex'));
    states.set(id, { generation: generation as number, commitment: bytes });
  }
  return states;
}
