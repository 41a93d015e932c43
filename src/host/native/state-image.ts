/** {@link StateImage}: pieces of state blocks moved by a stub, since a loop here costs 1 ns a word. */

import { assert } from '../../base/assert.ts';
import type { NativeMemory, StateBlock, StateImage } from '../../cpu/code-host.ts';
import { STATE_BYTES } from '../../cpu/sandbox/layout.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import { NativeState } from './states.ts';

const PIECE_BYTES = 16;
const PAIR_BYTES = 8;
const HIGH = 2 ** 32;

export class NativeStateImage implements StateImage {
  readonly bytes: Uint8Array;
  readonly #mailbox: Int32Array;
  readonly #copy: () => number;
  readonly #address: number;
  /** Pairs from state block to image, then from image to state block. */
  readonly #toImage: number;
  readonly #toState: number;
  readonly #count: number;

  constructor(
    mailbox: Int32Array,
    copy: () => number,
    bytes: number,
    pieces: Uint32Array,
    allocate: (bytes: number) => NativeMemory,
  ) {
    this.#mailbox = mailbox;
    this.#copy = copy;
    this.#count = pieces.length / 2;
    assert(this.#count > 0 && Number.isInteger(this.#count), 'pairs of offsets');
    const memory = allocate(bytes);
    this.bytes = memory.bytes;
    this.#address = memory.address;
    const listBytes = this.#count * PAIR_BYTES;
    const lists = allocate(2 * listBytes);
    this.#toImage = lists.address;
    this.#toState = lists.address + listBytes;
    const words = new Uint32Array(lists.bytes.buffer, lists.bytes.byteOffset, 4 * this.#count);
    for (let n = 0; n < pieces.length; n += 2) {
      const inState = pieces[n] as number;
      const inImage = pieces[n + 1] as number;
      assert(inState + PIECE_BYTES <= STATE_BYTES && inImage + PIECE_BYTES <= bytes, 'a piece');
      words.set([inState, inImage], n);
      words.set([inImage, inState], 2 * this.#count + n);
    }
  }

  save(state: StateBlock): void {
    assert(state instanceof NativeState && !state.released, 'not a live state block');
    this.#run(this.#toImage, state.address, this.#address);
  }

  load(state: StateBlock): void {
    assert(state instanceof NativeState && !state.released, 'not a live state block');
    this.#run(this.#toState, this.#address, state.address);
  }

  #run(pieces: number, from: number, to: number): void {
    this.#set(MAILBOX.copyFrom, from);
    this.#set(MAILBOX.copyTo, to);
    this.#set(MAILBOX.pieces, pieces);
    this.#set(MAILBOX.pieceCount, this.#count);
    this.#copy();
  }

  #set(offset: number, value: number): void {
    this.#mailbox[offset / 4] = value | 0;
    this.#mailbox[offset / 4 + 1] = Math.floor(value / HIGH);
  }
}
