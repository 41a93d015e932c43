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

/** A direct-mapped table from path bytes to {@link Path}. One a kernel. */
export class PathTable {
  readonly #slots: (Path | undefined)[] = new Array(SLOTS).fill(undefined);

  /** The path in `bytes[start, end)`, which holds no zero byte. */
  find(bytes: Uint8Array, start: number, end: number): Path {
    assert(start <= end);
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
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
