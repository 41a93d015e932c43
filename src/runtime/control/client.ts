/** The other end of a control socket: what the commands that talk to an instance use. */

import type { ByteConnection } from '../../base/byte-connection.ts';
import {
  ControlError,
  decodeWindow,
  encodeFrame,
  encodeMessage,
  FRAME,
  type Frame,
  FrameReader,
  MAX_DATA_BYTES,
} from './frames.ts';
import {
  type ControlEvent,
  type ControlReply,
  type ControlRequest,
  type ExecRequest,
  parseReply,
} from './messages.ts';
import { INPUT_WINDOW_BYTES } from './streams.ts';

/** The instance refused, with the reason it gave. */
export class ControlRefusal extends Error {
  readonly code: string;
  readonly exitStatus: number | undefined;

  constructor(code: string, message: string, exitStatus: number | undefined) {
    super(message);
    this.code = code;
    this.exitStatus = exitStatus;
  }
}

const cutOff = (): ControlError =>
  new ControlError('the instance has ended, or cut the connection');

/** Reads frames until the connection ends; `onFrame` may throw, which ends it. */
function listen(
  connection: ByteConnection,
  onFrame: (frame: Frame) => void,
  onEnd: (error: unknown) => void,
): void {
  const reader = new FrameReader();
  connection.start({
    onData(bytes) {
      try {
        for (const frame of reader.push(bytes)) onFrame(frame);
      } catch (error) {
        onEnd(error);
        void connection.close();
      }
    },
    onDrain: () => undefined,
    onClose: () => onEnd(cutOff()),
  });
}

function replyOf(frame: Frame): ControlReply {
  if (frame.kind !== FRAME.message) throw new ControlError('a reply is expected');
  const reply = parseReply(frame);
  if (reply.reply !== 'refused') return reply;
  throw new ControlRefusal(reply.code, reply.message, reply.exitStatus);
}

/** One question, one answer of the kind `wanted`. Throws {@link ControlRefusal}. */
export function ask<K extends ControlReply['reply']>(
  connection: ByteConnection,
  request: Exclude<ControlRequest, ExecRequest>,
  wanted: K,
): Promise<Extract<ControlReply, { reply: K }>> {
  return new Promise((resolve, reject) => {
    listen(
      connection,
      (frame) => {
        const reply = replyOf(frame);
        if (reply.reply !== wanted) throw new ControlError(`${wanted} is expected`);
        resolve(reply as Extract<ControlReply, { reply: K }>);
        void connection.close();
      },
      reject,
    );
    connection.send(encodeMessage(request));
  });
}

export interface ExecListener {
  onOutput(bytes: Uint8Array, isError: boolean): void;
  /** Everything of the input has been sent: more may come. */
  onRoom(): void;
}

/** A process that this client starts and attends. */
export class ExecClient {
  /** Its status as wait(2) reports it. */
  readonly ended: Promise<number>;
  readonly #connection: ByteConnection;
  readonly #listener: ExecListener;
  #window = INPUT_WINDOW_BYTES;
  #waiting: Uint8Array[] = [];
  #inputEnds = false;

  constructor(connection: ByteConnection, request: ExecRequest, listener: ExecListener) {
    this.#connection = connection;
    this.#listener = listener;
    this.ended = new Promise((resolve, reject) => {
      listen(connection, (frame) => this.#receive(frame, resolve), reject);
    });
    connection.send(encodeMessage(request));
  }

  #receive(frame: Frame, ended: (status: number) => void): void {
    if (frame.kind === FRAME.output || frame.kind === FRAME.error)
      this.#listener.onOutput(frame.payload, frame.kind === FRAME.error);
    else if (frame.kind === FRAME.window) {
      this.#window += decodeWindow(frame);
      if (this.#flush()) this.#listener.onRoom();
    } else {
      const reply = replyOf(frame);
      if (reply.reply === 'ended') ended(reply.status);
    }
  }

  /** False: keep back more until the listener hears of room. */
  write(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes);
    return this.#flush();
  }

  endInput(): void {
    this.#inputEnds = true;
    this.#flush();
  }

  #flush(): boolean {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const count = Math.min(first.length, this.#window, MAX_DATA_BYTES);
      if (count > 0) this.#connection.send(encodeFrame(FRAME.input, first.subarray(0, count)));
      else if (first.length > 0) return false;
      this.#window -= count;
      if (count === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(count);
    }
    if (this.#inputEnds) {
      this.#inputEnds = false;
      this.#connection.send(encodeFrame(FRAME.inputEnd, new Uint8Array(0)));
    }
    return true;
  }

  tell(event: ControlEvent): void {
    this.#connection.send(encodeMessage(event));
  }
}
