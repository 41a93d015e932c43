/** Input of a terminal: bytes, and where lines end (N_TTY's read buffer). */

/** N_TTY_BUF_SIZE. */
export const INPUT_BYTES = 4096;

export class InputQueue {
  #bytes: number[] = [];
  /** Lengths of the complete lines at the front; 0 is an end of file. */
  #lines: number[] = [];
  #committed = 0;

  get length(): number {
    return this.#bytes.length;
  }

  get hasLine(): boolean {
    return this.#lines.length > 0;
  }

  get isFull(): boolean {
    return this.#bytes.length >= INPUT_BYTES - 1;
  }

  /** Bytes of complete lines: FIONREAD in canonical mode. */
  get committed(): number {
    return this.#committed;
  }

  /** The line that is being edited. */
  get openLine(): readonly number[] {
    return this.#bytes.slice(this.#committed);
  }

  push(byte: number): void {
    this.#bytes.push(byte);
  }

  /** Takes the last byte of the open line back; undefined when it is empty. */
  pop(): number | undefined {
    return this.#bytes.length > this.#committed ? this.#bytes.pop() : undefined;
  }

  /** The open line is complete (or, empty, an end of file). */
  commit(): void {
    this.#lines.push(this.#bytes.length - this.#committed);
    this.#committed = this.#bytes.length;
  }

  /** Mode changes: everything that is there becomes one line, or lines are forgotten. */
  setCanonical(canonical: boolean): void {
    this.#lines = [];
    this.#committed = 0;
    if (canonical && this.#bytes.length > 0) this.commit();
  }

  clear(): void {
    this.#bytes = [];
    this.#lines = [];
    this.#committed = 0;
  }

  /** Reads from one line. */
  readLine(target: Uint8Array, start: number, length: number): number {
    const line = this.#lines[0] as number;
    const count = Math.min(line, length);
    this.#take(target, start, count);
    this.#committed -= count;
    if (count === line) this.#lines.shift();
    else this.#lines[0] = line - count;
    return count;
  }

  readRaw(target: Uint8Array, start: number, length: number): number {
    const count = Math.min(this.#bytes.length, length);
    this.#take(target, start, count);
    return count;
  }

  #take(target: Uint8Array, start: number, count: number): void {
    for (let i = 0; i < count; i++) target[start + i] = this.#bytes[i] as number;
    this.#bytes.splice(0, count);
  }
}
