/**
 * The framing of the control socket: a header of five bytes — length of the payload, unsigned,
 * little-endian, and kind — then the payload. Whoever has the other end is not trusted: a length is
 * refused before anything of that length is kept.
 */

/** What a frame carries. */
export const FRAME = {
  /** A JSON value in UTF-8: a request, a reply, or an event. */
  message: 0,
  /** Standard input of a process; never more than its window has room for. */
  input: 1,
  /** Standard input ends; empty. */
  inputEnd: 2,
  output: 3,
  error: 4,
  /** That many more bytes of input (unsigned, 32 bits) may be sent. */
  window: 5,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 5;
export const MAX_DATA_BYTES = 65_536;

/** Smallest and greatest payload by kind. */
const BOUNDS: Readonly<Record<FrameKind, readonly [least: number, most: number]>> = {
  [FRAME.message]: [2, 262_144],
  [FRAME.input]: [1, MAX_DATA_BYTES],
  [FRAME.inputEnd]: [0, 0],
  [FRAME.output]: [1, MAX_DATA_BYTES],
  [FRAME.error]: [1, MAX_DATA_BYTES],
  [FRAME.window]: [4, 4],
};

/** The other end of a control socket does not keep to the protocol. */
export class ControlError extends Error {
  readonly code = 'CLOISTER_CONTROL';
}

export function encodeFrame(kind: FrameKind, payload: Uint8Array): Uint8Array {
  const [least, most] = BOUNDS[kind];
  if (payload.length < least || payload.length > most)
    throw new ControlError(`${payload.length} bytes do not fit into one message`);
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length, true);
  frame[4] = kind;
  frame.set(payload, HEADER_BYTES);
  return frame;
}

export function encodeMessage(value: unknown): Uint8Array {
  return encodeFrame(FRAME.message, new TextEncoder().encode(JSON.stringify(value)));
}

export function encodeWindow(bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, bytes, true);
  return encodeFrame(FRAME.window, payload);
}

export function decodeWindow({ payload }: Frame): number {
  return new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true);
}

/** The JSON value of a message. Throws {@link ControlError}. */
export function decodeMessage({ payload }: Frame): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw new ControlError('a message is not JSON in UTF-8');
  }
}

/** Splits what arrives into frames; keeps at most one that is not complete. */
export class FrameReader {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #payload: Uint8Array | undefined;
  #payloadBytes = 0;

  /** The frames that `bytes` complete, in order. Throws {@link ControlError}. */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (this.#payload === undefined) {
        this.#header[this.#headerBytes++] = bytes[at++] as number;
        if (this.#headerBytes < HEADER_BYTES) continue;
        this.#payload = new Uint8Array(this.#lengthOfPayload());
      } else {
        const missing = this.#payload.length - this.#payloadBytes;
        const part = bytes.subarray(at, at + missing);
        this.#payload.set(part, this.#payloadBytes);
        this.#payloadBytes += part.length;
        at += part.length;
      }
      if (this.#payloadBytes === this.#payload.length) frames.push(this.#take(this.#payload));
    }
    return frames;
  }

  #lengthOfPayload(): number {
    const kind = this.#header[4] as number;
    const bounds = (BOUNDS as Readonly<Record<number, readonly [number, number]>>)[kind];
    if (bounds === undefined) throw new ControlError(`frames of kind ${kind} are not known`);
    const length = new DataView(this.#header.buffer).getUint32(0, true);
    const [least, most] = bounds;
    if (length < least || length > most)
      throw new ControlError(`a frame of kind ${kind} has ${length} bytes: ${least} to ${most}`);
    return length;
  }

  #take(payload: Uint8Array): Frame {
    const kind = this.#header[4] as FrameKind;
    this.#payload = undefined;
    this.#payloadBytes = 0;
    this.#headerBytes = 0;
    return { kind, payload };
  }
}
