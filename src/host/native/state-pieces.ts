/** {@link StatePieces}: moved by a stub, since a loop here costs 1 ns a word. */

import { assert } from '../../base/assert.ts';
import type { NativeMemory, StateBlock, StatePieces } from '../../cpu/code-host.ts';
import { STATE_BYTES } from '../../cpu/sandbox/layout.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import { NativeState } from './states.ts';

const PIECE_BYTES = 16;
const PAIR_BYTES = 8;
const HIGH = 2 ** 32;

export class NativeStatePieces implements StatePieces {
  readonly #mailbox: Int32Array;
  readonly #copy: () => number;
  readonly #fill: () => number;
  /** Pairs from state block to image, then from image to state block. */
  readonly #toImage: number;
  readonly #toState: number;
  readonly #total: number;

  constructor(
    mailbox: Int32Array,
    copy: () => number,
    fill: () => number,
    pairs: Uint32Array,
    allocate: (bytes: number) => NativeMemory,
  ) {
    this.#mailbox = mailbox;
    this.#copy = copy;
    this.#fill = fill;
    this.#total = pairs.length / 2;
    assert(this.#total > 0 && Number.isInteger(this.#total), 'pairs of offsets');
    const listBytes = this.#total * PAIR_BYTES;
    const lists = allocate(2 * listBytes);
    this.#toImage = lists.address;
    this.#toState = lists.address + listBytes;
    const words = new Uint32Array(lists.bytes.buffer, lists.bytes.byteOffset, 4 * this.#total);
    for (let n = 0; n < pairs.length; n += 2) {
      const inState = pairs[n] as number;
      const inImage = pairs[n + 1] as number;
      assert(inState + PIECE_BYTES <= STATE_BYTES, 'a piece of a state block');
      words.set([inState, inImage], n);
      words.set([inImage, inState], 2 * this.#total + n);
    }
  }

  save(state: StateBlock, image: number, first: number, count: number): void {
    assert(state instanceof NativeState && !state.released, 'not a live state block');
    this.#run(this.#toImage, state.address, image, first, count);
  }

  load(state: StateBlock, image: number, first: number, count: number): void {
    assert(state instanceof NativeState && !state.released, 'not a live state block');
    this.#run(this.#toState, image, state.address, first, count);
  }

  clear(address: number, bytes: number): void {
    assert(address > 0 && bytes > 0, 'memory');
    this.#set(MAILBOX.copyTo, address);
    this.#set(MAILBOX.copyFrom, 0);
    this.#set(MAILBOX.copyLength, bytes);
    this.#fill();
  }

  #run(list: number, from: number, to: number, first: number, count: number): void {
    assert(first >= 0 && count > 0 && first + count <= this.#total, 'pieces that there are');
    this.#set(MAILBOX.copyFrom, from);
    this.#set(MAILBOX.copyTo, to);
    this.#set(MAILBOX.pieces, list + PAIR_BYTES * first);
    this.#set(MAILBOX.pieceCount, count);
    this.#copy();
  }

  #set(offset: number, value: number): void {
    this.#mailbox[offset / 4] = value | 0;
    this.#mailbox[offset / 4 + 1] = Math.floor(value / HIGH);
  }
}
