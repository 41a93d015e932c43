/**
 * A TPM 2.0 as the freshness anchor of a volume (docs/formats/volume.md, "TPM anchor"). What the TPM
 * is known by lies in the volume, sealed.
 */

import { fromHex, toHex } from '../attest/bytes.ts';
import { VolumeError } from '../fs/sealed/errors.ts';
import {
  type AnchorState,
  type FreshnessAnchor,
  MARK_BYTES,
  type ShownCommit,
} from '../fs/sealed/l4-store/anchor.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { nodeKeyAgreement } from '../host/key-agreement.ts';
import { openTpm, type TpmTransport } from '../host/tpm.ts';
import { parseTpmPlace } from '../host/tpm-place.ts';
import { type ChainParts, decodePlace, encodePlace, TpmChain } from '../tee/tpm/chain.ts';
import { usageError } from './errors.ts';

export interface TpmAnchorOptions {
  /** For messages. */
  readonly name: string;
  readonly open: () => TpmTransport;
  /** Fingerprint that the TPM must have, besides being the one that the volume knows. */
  readonly key?: Uint8Array;
  /** Commits are vouched for at most this often; 0: each one before it is reported durable. */
  readonly everyMs: number;
}

const SYNTAX = 'tpm:/dev/tpmrm0, tpm:unix:PATH or tpm:tcp:HOST:PORT, then ?every=10s&key=HEX';
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

/** `/dev/tpmrm0`, `unix:PATH`, `tcp:HOST:PORT`, with `?every=…&key=…`. Throws CommandError. */
export function parseTpmAnchor(text: string): TpmAnchorOptions {
  const wrong = (why: string) => usageError(`anchor tpm:${text}: ${why}; expected ${SYNTAX}`);
  const cut = text.indexOf('?');
  const place = parseTpmPlace(cut < 0 ? text : text.slice(0, cut));
  if (place === undefined) throw wrong('no place of a TPM');
  const fields = new URLSearchParams(cut < 0 ? '' : text.slice(cut + 1));
  for (const name of fields.keys())
    if (name !== 'every' && name !== 'key') throw wrong(`unknown field ${JSON.stringify(name)}`);
  const every = /^([0-9]{1,6})(ms|s|min)$/.exec(fields.get('every') ?? '0s');
  if (every === null) throw wrong('every is a time such as 10s');
  const key = fields.get('key');
  if (key !== null && !/^[0-9a-f]{64}$/i.test(key)) throw wrong('key is 64 hexadecimal digits');
  return {
    name: `TPM ${cut < 0 ? text : text.slice(0, cut)}`,
    open: () => openTpm(place),
    ...(key === null ? {} : { key: fromHex(key) }),
    everyMs: Number(every[1]) * (UNITS[every[2] as string] as number),
  };
}

export class TpmAnchor implements FreshnessAnchor, Disposable {
  readonly name: string;
  readonly #options: TpmAnchorOptions;
  readonly #parts: ChainParts;
  #chain: TpmChain | undefined;
  /** The chain that this one takes the place of, until it has. */
  #replaced: TpmChain | undefined;
  /** What the TPM holds, as far as is known. */
  #value: Uint8Array = new Uint8Array(MARK_BYTES);
  /** A commit that was put off. */
  #pending: AnchorState | undefined;
  #movedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;
  #isNew = false;

  constructor(options: TpmAnchorOptions) {
    this.#options = options;
    this.name = options.name;
    const tools = { crypto: nodeCrypto, entropy: nodeEntropy, keys: nodeKeyAgreement };
    this.#parts = { open: options.open, tools };
  }

  get mark(): Uint8Array {
    return this.#value;
  }

  /** Fingerprint of the endorsement key of the TPM, in hexadecimal. */
  get keyText(): string {
    return this.#chain === undefined ? '' : toHex(this.#chain.place.key);
  }

  establish(volumeId: Uint8Array): Uint8Array {
    this.#replaced = this.#chain;
    return this.#told(() => {
      const nonce = new Uint8Array(32);
      nodeEntropy.fill(nonce);
      const origin = nodeCrypto.sha256(volumeId, nonce);
      const chain = TpmChain.create(this.#parts, this.#options.key, origin);
      this.#chain = chain;
      this.#isNew = true;
      this.#value = chain.read();
      return encodePlace(chain.place);
    });
  }

  recall(kept: Uint8Array | undefined): void {
    const place = kept && decodePlace(kept);
    if (place === undefined)
      throw this.#stale('the volume knows no TPM; `cloister volume anchor` makes one its anchor');
    const { key } = this.#options;
    if (key !== undefined && toHex(key) !== toHex(place.key))
      throw this.#stale(
        `the volume knows the TPM with key ${toHex(place.key)}, not the wanted one`,
      );
    this.#chain = new TpmChain(this.#parts, place);
  }

  read(_volumeId: Uint8Array, shown: ShownCommit): AnchorState {
    const chain = this.#chain as TpmChain;
    this.#value = this.#told(() => chain.read());
    const isValue = (bytes: Uint8Array) => toHex(bytes) === toHex(this.#value);
    if (isValue(nodeCrypto.sha256(shown.mark, shown.commitment))) return shown;
    if (isValue(shown.mark)) return { generation: 0, commitment: this.#value };
    throw this.#stale(
      `commit ${shown.generation} is not the last that the TPM vouched for, nor follows it. The ` +
        'host may have put an old copy back; nothing of it was used',
    );
  }

  advance(_volumeId: Uint8Array, _expected: AnchorState | undefined, next: AnchorState): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pending = next;
    const { everyMs } = this.#options;
    const leftMs = this.#movedAtMs + everyMs - performance.now();
    if (everyMs === 0 || leftMs <= 0) this.settle();
    else this.#timer ??= setTimeout(() => this.#settleLater(), leftMs).unref();
  }

  settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const chain = this.#chain as TpmChain;
    const { commitment } = this.#pending ?? {};
    if (commitment === undefined) return;
    this.#value = this.#told(() => chain.extend(this.#value, commitment));
    this.#pending = undefined;
    this.#isNew = false;
    this.#movedAtMs = performance.now();
    const replaced = this.#replaced;
    this.#replaced = undefined;
    // Of the old one nothing depends any more; a TPM that is gone keeps it.
    if (replaced !== undefined) removed(replaced);
  }

  /** Nobody waits for it: the next commit says what went wrong. */
  #settleLater(): void {
    try {
      this.settle();
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Failures of the TPM as those of the volume. */
  #told<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw this.#stale((cause as Error).message, cause);
    }
  }

  #stale(what: string, cause?: unknown): VolumeError {
    return new VolumeError('CLOISTER_VOLUME_STALE', `${this.name}: ${what}`, cause);
  }

  /** Ends the session; an index that no commit stands on is removed. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#isNew && this.#chain !== undefined) removed(this.#chain);
    this.#chain?.[Symbol.dispose]();
  }
}

/** As far as the TPM still does it: whether an unused index stays matters to nobody's safety. */
function removed(chain: TpmChain): void {
  try {
    chain.remove();
  } catch {
    // It stays.
  } finally {
    chain[Symbol.dispose]();
  }
}
