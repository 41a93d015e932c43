/** A process that a client started in the instance, for as long as the client listens. */

import { SIGINT, SIGKILL, SIGQUIT } from '../../abi/signal.table.ts';
import type { ByteConnection } from '../../base/byte-connection.ts';
import { WaitEntry } from '../../base/wait-queue.ts';
import { sendToGroup, sendToProcessGroup } from '../../kernel/signals/send.ts';
import { kernelSignal } from '../../kernel/signals/signal-info.ts';
import type { ThreadGroup } from '../../kernel/thread-group.ts';
import type { ProcessPlan } from '../exec-plan.ts';
import type { ExecutedProcess, Instance } from '../instance.ts';
import {
  ControlError,
  encodeFrame,
  encodeMessage,
  encodeWindow,
  FRAME,
  type Frame,
  type FrameKind,
} from './frames.ts';
import { type ControlReply, type ExecRequest, parseEvent } from './messages.ts';
import { InputStream, type OutputSink, OutputStream, RemoteTerminal } from './streams.ts';

export class ExecSession {
  readonly #connection: ByteConnection;
  readonly #instance: Instance;
  readonly #input: InputStream;
  readonly #outputs: readonly OutputStream[];
  readonly #terminal: RemoteTerminal | undefined;
  readonly #executed: ExecutedProcess;
  readonly #onEnd: () => void;
  #isOver = false;

  /** Throws SpawnError when the program cannot be started. `onEnd`: the session is over. */
  constructor(
    connection: ByteConnection,
    instance: Instance,
    plan: ProcessPlan,
    request: ExecRequest,
    onEnd: () => void,
  ) {
    this.#connection = connection;
    this.#instance = instance;
    this.#onEnd = onEnd;
    this.#input = new InputStream(request.hasInput, (bytes) =>
      connection.send(encodeWindow(bytes)),
    );
    const { terminal } = request;
    const output = this.#sink(FRAME.output);
    if (terminal === undefined) {
      this.#outputs = [new OutputStream(output), new OutputStream(this.#sink(FRAME.error))];
      this.#executed = instance.exec(plan, { streams: [this.#input, ...this.#outputs] });
    } else {
      this.#outputs = [];
      this.#terminal = new RemoteTerminal(output, terminal.rows, terminal.columns);
      this.#executed = instance.exec(plan, { streams: [], terminal: this.#terminal });
    }
    const { group } = this.#executed;
    this.#reply({ reply: 'started', pid: group.pid });
    const ended = new WaitEntry({
      onWake: () => {
        // In the middle of an exit: what follows waits until the kernel is done with it.
        if (group.isZombie) queueMicrotask(() => this.#ended(group));
        return false;
      },
    });
    group.exitEvents.add(ended);
  }

  #sink(kind: FrameKind): OutputSink {
    const connection = this.#connection;
    return {
      send: (bytes) => {
        if (!this.#isOver) connection.send(encodeFrame(kind, bytes));
      },
      get pendingBytes() {
        return connection.pendingBytes;
      },
    };
  }

  #reply(reply: ControlReply): void {
    this.#connection.send(encodeMessage(reply));
  }

  /** A frame of the client. Throws {@link ControlError}. */
  receive(frame: Frame): void {
    if (this.#isOver) return;
    if (frame.kind === FRAME.message) this.#event(frame);
    else if (frame.kind === FRAME.input) this.#receiveInput(frame.payload);
    else if (frame.kind === FRAME.inputEnd) this.#input.end();
    else throw new ControlError('only an instance sends output');
    this.#instance.kernel.host.wake();
  }

  #receiveInput(bytes: Uint8Array): void {
    if (this.#terminal === undefined) {
      this.#input.receive(bytes);
      return;
    }
    // A terminal keeps what it has room for, and forgets the rest.
    this.#terminal.receive(bytes);
    this.#connection.send(encodeWindow(bytes.length));
  }

  #event(frame: Frame): void {
    const event = parseEvent(frame);
    if (event.event === 'resize') {
      this.#terminal?.resize(event.rows, event.columns);
      return;
    }
    const { group } = this.#executed;
    const info = kernelSignal(event.signal);
    const isKey = event.signal === SIGINT || event.signal === SIGQUIT;
    if (isKey) sendToProcessGroup(group.processGroup, info);
    else sendToGroup(group, info);
  }

  drained(): void {
    for (const output of this.#outputs) output.waitQueue.wake();
    this.#terminal?.drained();
    this.#instance.kernel.host.wake();
  }

  /** The client is gone: as when a pipe, or a terminal, is closed. The process may go on. */
  disconnected(): void {
    if (this.#isOver) return;
    this.#input.end();
    for (const output of this.#outputs) output.break();
    this.#terminal?.end();
    this.#instance.kernel.host.wake();
  }

  #ended(group: ThreadGroup): void {
    const status = this.#instance.kernel.collect(group) ?? 0;
    this.#finish(status);
  }

  /** The instance ends, and this process with it. */
  abandon(): void {
    this.#finish(SIGKILL);
  }

  #finish(status: number): void {
    if (this.#isOver) return;
    this.#reply({ reply: 'ended', status });
    this.#isOver = true;
    // What lives on in the background has nobody to write to.
    for (const output of this.#outputs) output.break();
    this.#executed.hangUp();
    this.#onEnd();
  }
}
