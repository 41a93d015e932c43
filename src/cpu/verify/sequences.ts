/**
 * What spans several bytes or instructions, made from the shared data of `sandbox/macros.ts` for one
 * place of the thread-local block: macros as constant bytes, and which slots may be used how.
 */
import { TLS, TLS_BYTES } from '../sandbox/layout.ts';
import { MACROS, patternBytes } from '../sandbox/macros.ts';

const MARK = '64 C6 04 25 {fs:x87Used} 01';

export class Sequences {
  readonly tlsDisplacement: number;
  /** Whole macros that begin with a load of `sandboxBase` (string instructions). */
  readonly straight: readonly Uint8Array[];
  /** Two instructions that end in an indirect jump. */
  readonly transfers: readonly Uint8Array[];
  /** `mov byte fs:[x87Used], 1`. */
  readonly mark: Uint8Array;
  /** By slot offset: bit `log2(bytes) * 2` may be read, the next bit may be written. */
  readonly #rights = new Uint8Array(TLS_BYTES);

  constructor(tlsDisplacement: number) {
    this.tlsDisplacement = tlsDisplacement;
    const bytesOf = (kind: string): Uint8Array[] =>
      MACROS.filter((m) => (m.kind === 'transfer') === (kind === 'transfer')).map((m) =>
        patternBytes(m.pattern, tlsDisplacement),
      );
    this.transfers = bytesOf('transfer');
    this.straight = bytesOf('straight');
    this.mark = patternBytes(MARK, tlsDisplacement);
    for (const [name, slot] of Object.entries(TLS)) this.#grant(name, slot);
  }

  #grant(name: string, slot: (typeof TLS)[keyof typeof TLS]): void {
    // The mark has one form, and B itself is loaded by macros only.
    if (slot.access === 'none' || name === 'x87Used' || name === 'sandboxBase') return;
    const stride = name === 'spill' ? 8 : slot.bytes;
    const write = slot.access === 'read-write' ? 2 : 0;
    for (let at = slot.offset; at < slot.offset + slot.bytes; at += stride)
      for (let log = 0; 1 << log <= Math.min(stride, 8); log++)
        this.#rights[at]! |= (1 | write) << (log * 2);
  }

  /** May `bytes` (1, 4, 8) at this `fs:` displacement be read, or written? */
  permits(displacement: number, bytes: number, write: boolean): boolean {
    const offset = displacement - this.tlsDisplacement;
    if (offset < 0 || offset >= TLS_BYTES) return false;
    const log = bytes === 8 ? 3 : bytes === 4 ? 2 : 0;
    return ((this.#rights[offset]! >> (log * 2)) & (write ? 2 : 1)) !== 0;
  }

  /** Is this the displacement of `sandboxBase`: does a string macro begin here? */
  beginsMacro(displacement: number): boolean {
    return displacement - this.tlsDisplacement === TLS.sandboxBase.offset;
  }
}

/** Are the bytes of `code` at `at` those of `sequence`? */
export function matches(code: Uint8Array, at: number, sequence: Uint8Array): boolean {
  for (let n = 0; n < sequence.length; n++) if (code[at + n] !== sequence[n]) return false;
  return true;
}
