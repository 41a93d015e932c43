/** The executable pages of an ELF file at the addresses that its headers name, as a loader maps them. */

import { PF_X, type ProgramHeader } from './program.ts';

const PAGE = 4096;

export class CodePages {
  readonly #file: Uint8Array;
  readonly #code: readonly ProgramHeader[];
  /** What is added to the addresses of the file. */
  readonly #bias: number;

  constructor(file: Uint8Array, segments: readonly ProgramHeader[], bias: number) {
    this.#file = file;
    this.#code = segments.filter(({ flags }) => (flags & PF_X) !== 0);
    this.#bias = bias;
  }

  /** The executable segment whose bytes in the file hold `address`. */
  segmentAt(address: number): ProgramHeader | undefined {
    const at = address - this.#bias;
    return this.#code.find(({ vaddr, fileBytes }) => at >= vaddr && at < vaddr + fileBytes);
  }

  /** Copies a page of 4 KiB: whole pages of the file, zeros behind its end. False: no code there. */
  fetchPage(page: number, target: Uint8Array): boolean {
    const at = page * PAGE - this.#bias;
    for (const { vaddr, offset, fileBytes } of this.#code) {
      const first = vaddr - (vaddr % PAGE);
      if (at < first || at >= vaddr + fileBytes) continue;
      const from = at - vaddr + offset;
      const bytes = this.#file.subarray(from, from + PAGE);
      target.set(bytes);
      target.fill(0, bytes.length);
      return true;
    }
    return false;
  }
}
