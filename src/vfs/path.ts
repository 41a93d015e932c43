/**
 * Parsed paths. A guest asks for the same paths again and again: {@link PathTable} finds the parsed
 * form of a path in guest memory without making a string.
 */

import { assert } from '../base/assert.ts';
import { byteString } from './byte-string.ts';

/** A path, split once. Immutable. */
export class Path {
  /** The path as a byte string. */
  readonly text: string;
  readonly isAbsolute: boolean;
  /** Names between slashes, "." and ".." included, empty ones dropped. */
  readonly components: readonly string[];
  /** Ends in "/", "/." or is only slashes: must name a directory. */
  readonly hasTrailingSlash: boolean;

  constructor(text: string) {
    this.text = text;
    this.isAbsolute = text.charCodeAt(0) === SLASH;
    this.hasTrailingSlash = text.length > 0 && text.charCodeAt(text.length - 1) === SLASH;
    const parts = text.split('/').filter((part) => part !== '');
    this.components = parts;
  }

  get isEmpty(): boolean {
    return this.text.length === 0;
  }
}

const SLASH = 0x2f;
const SLOTS = 4096;
/** FNV-1a. */
const HASH_START = 0x811c9dc5;
const HASH_FACTOR = 0x01000193;

/** A direct-mapped table from path bytes to {@link Path}. One a kernel. */
export class PathTable {
  readonly #slots: (Path | undefined)[] = new Array(SLOTS).fill(undefined);

  /** The path in `bytes[start, end)`, which holds no zero byte. */
  find(bytes: Uint8Array, start: number, end: number): Path {
    assert(start <= end);
    let hash = HASH_START;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), HASH_FACTOR);
    return this.#find(bytes, start, end, hash);
  }

  /** The path that begins at `start` and ends in a zero byte before `limit`; undefined: there is none. */
  findTerminated(bytes: Uint8Array, start: number, limit: number): Path | undefined {
    let hash = HASH_START;
    for (let i = start; i < limit; i++) {
      const byte = bytes[i] as number;
      if (byte === 0) return this.#find(bytes, start, i, hash);
      hash = Math.imul(hash ^ byte, HASH_FACTOR);
    }
    return undefined;
  }

  #find(bytes: Uint8Array, start: number, end: number, hash: number): Path {
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && equals(known.text, bytes, start, end)) return known;
    const path = new Path(byteString(bytes, start, end));
    this.#slots[slot] = path;
    return path;
  }
}

function equals(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
