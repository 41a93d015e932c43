/**
 * The key broker as the freshness anchor of volumes: it countersigns each commit and refuses to go
 * back. Its receipts are kept beside the volume; they verify offline (`cloister volume receipts`).
 */

import { appendFileSync } from 'node:fs';
import type { ImageSignature, ProviderName } from '../attest/evidence.ts';
import { type FreshnessReceipt, formatFreshnessReceipt } from '../attest/freshness.ts';
import { VolumeError } from '../fs/sealed/errors.ts';
import type { AnchorState, FreshnessAnchor } from '../fs/sealed/l4-store/anchor.ts';
import { volumePath } from '../host/volume-file.ts';
import { WorkerCalls } from '../host/worker-call.ts';

/** What the worker needs to attest on its own. */
export interface AnchorParameters {
  readonly url: string;
  /** The broker's Ed25519 key. */
  readonly brokerKey: Uint8Array;
  readonly provider: ProviderName;
  readonly imageMeasurement: Uint8Array;
  readonly runtimeMeasurement: Uint8Array;
  readonly signatures: readonly ImageSignature[];
}

export interface Commit {
  readonly counter: number;
  readonly root: Uint8Array;
}

export interface AnchorRequest {
  readonly volume: Uint8Array;
  /** Absent: only asks. */
  readonly move?: { readonly from: Commit; readonly to: Commit };
}

export interface AnchorAnswer extends Commit {
  readonly receipt: FreshnessReceipt;
}

/** A broker under load answers late; a commit that waits longer than this has failed. */
const TIMEOUT_MS = 90_000;

/** Where the receipts of a volume are kept: a JSON object a line. */
export const receiptsPath = (volume: string): string => `${volumePath(volume)}.receipts`;

/** One worker for all volumes of a run. */
export class BrokerAnchors {
  readonly #url: string;
  readonly #calls: WorkerCalls;

  constructor(parameters: AnchorParameters) {
    this.#url = parameters.url;
    this.#calls = new WorkerCalls(
      new URL('./broker-anchor-worker.ts', import.meta.url),
      parameters,
    );
  }

  /** The anchor of the volume at `path`. */
  for(path: string): FreshnessAnchor {
    const name = `key broker ${this.#url}`;
    const ask = (request: AnchorRequest): AnchorAnswer => {
      let answer: AnchorAnswer;
      try {
        answer = this.#calls.call(request, TIMEOUT_MS) as AnchorAnswer;
      } catch (cause) {
        const what = `the ${name} did not vouch for volume ${path}: ${(cause as Error).message}`;
        throw new VolumeError('CLOISTER_VOLUME_STALE', what, cause);
      }
      const line = JSON.stringify(formatFreshnessReceipt(answer.receipt));
      appendFileSync(receiptsPath(path), `${line}\n`);
      return answer;
    };
    return {
      name,
      read(volume) {
        const { counter, root } = ask({ volume });
        return { generation: counter, commitment: root };
      },
      advance(volume, expected, next) {
        // Of a volume that is registered but was never committed under it, the broker knows zeros.
        const from = expected ? toCommit(expected) : { counter: 0, root: new Uint8Array(32) };
        ask({ volume, move: { from, to: toCommit(next) } });
      },
    };
  }
}

const toCommit = ({ generation, commitment }: AnchorState): Commit => ({
  counter: generation,
  root: commitment,
});
