/**
 * Synchronous calls to a worker thread: for what must be answered before anything else may happen
 * (a commit is durable only after its freshness anchor moved), by code that has to wait for the
 * network. The calling thread sleeps meanwhile.
 */

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
  workerData,
} from 'node:worker_threads';

/** Which the worker answers: a value, or the message of what went wrong. */
type Answer = { readonly value: unknown } | { readonly problem: string };

interface WorkerParts {
  readonly signal: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly parameters: unknown;
}

const IDLE = 0;
const ANSWERED = 1;

/** A worker that answers one call at a time. Its module calls {@link serveCalls}. */
export class WorkerCalls implements Disposable {
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  readonly #port: MessagePort;
  readonly #worker: Worker;

  /** `parameters` are cloned for the worker. */
  constructor(module: URL, parameters: unknown) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const parts = { signal: this.#signal.buffer, port: port2, parameters };
    this.#worker = new Worker(asInstalled(module), { workerData: parts, transferList: [port2] });
    this.#worker.unref();
    port1.unref();
  }

  /** Sleeps until the worker answers. Throws an Error with its words when it failed or is late. */
  call(request: unknown, timeoutMs: number): unknown {
    Atomics.store(this.#signal, 0, IDLE);
    this.#port.postMessage(request);
    if (Atomics.wait(this.#signal, 0, IDLE, timeoutMs) === 'timed-out')
      throw new Error(`no answer in ${timeoutMs / 1000} s`);
    const answer = receiveMessageOnPort(this.#port)?.message as Answer | undefined;
    if (answer === undefined) throw new Error('the worker thread gave no answer');
    if ('problem' in answer) throw new Error(answer.problem);
    return answer.value;
  }

  [Symbol.dispose](): void {
    void this.#worker.terminate();
  }
}

/** In the package, modules are JavaScript. */
function asInstalled(module: URL): URL {
  return import.meta.url.endsWith('.js') ? new URL(module.href.replace(/\.ts$/, '.js')) : module;
}

/** For the module of a worker: answers calls with what `make(parameters)` gives for each request. */
export function serveCalls<Parameters, Request>(
  make: (parameters: Parameters) => Promise<(request: Request) => Promise<unknown>>,
): void {
  const { signal, port, parameters } = workerData as WorkerParts;
  const flag = new Int32Array(signal);
  const ready = make(parameters as Parameters);
  // Whoever calls is told; until then a failure has nobody to hear it.
  ready.catch(() => undefined);
  port.on('message', (request: Request) => {
    const answered = (answer: Answer) => {
      port.postMessage(answer);
      Atomics.store(flag, 0, ANSWERED);
      Atomics.notify(flag, 0);
    };
    ready
      .then((answer) => answer(request))
      .then(
        (value) => answered({ value }),
        (error: unknown) =>
          answered({ problem: error instanceof Error ? error.message : String(error) }),
      );
  });
}
