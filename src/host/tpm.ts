/**
 * The way to a TPM 2.0: its device, or a socket on which one listens that takes plain commands
 * (swtpm, or a proxy). Nothing on the way is trusted; `tee/tpm` authenticates what comes back.
 */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { MAX_TPM_MESSAGE, type TpmPlace, type TpmSocketPlace } from './tpm-place.ts';
import { WorkerCalls } from './worker-call.ts';

/** An endorsement key takes a slow chip some seconds. */
const TIMEOUT_MS = 60_000;

/** A request-response device. */
export interface TpmTransport extends Disposable {
  /** One command, one response. Throws an Error when none comes. */
  transmit(command: Uint8Array): Uint8Array;
}

export function openTpm(place: TpmPlace): TpmTransport {
  return 'device' in place ? new TpmDevice(place.device) : new TpmSocket(place);
}

/** `/dev/tpmrm0` of Linux: a write is a command, the next read waits for its response. */
class TpmDevice implements TpmTransport {
  readonly #path: string;
  readonly #fd: number;
  #isOpen = true;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'r+');
  }

  transmit(command: Uint8Array): Uint8Array {
    const written = writeSync(this.#fd, command);
    if (written !== command.length) throw new Error(`${this.#path} took part of a command`);
    const response = new Uint8Array(MAX_TPM_MESSAGE);
    return response.slice(0, readSync(this.#fd, response, 0, response.length, null));
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}

class TpmSocket implements TpmTransport {
  readonly #calls: WorkerCalls;

  constructor(place: TpmSocketPlace) {
    this.#calls = new WorkerCalls(new URL('./tpm-socket-worker.ts', import.meta.url), place);
  }

  transmit(command: Uint8Array): Uint8Array {
    const response = this.#calls.call(command, TIMEOUT_MS);
    if (!(response instanceof Uint8Array)) throw new Error('no response');
    return response;
  }

  [Symbol.dispose](): void {
    this.#calls[Symbol.dispose]();
  }
}
