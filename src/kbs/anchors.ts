/**
 * The freshness endpoint: remembers the last commit of each volume and countersigns it. Only an
 * instance that the volume's policy accepts may move it, only forwards, and only from the commit that
 * it knows: two runs of one volume, or a host that brings back an old one, meet a refusal.
 */
import { equalBytes, fromHex, toHex } from '../attest/bytes.ts';
import { require } from '../attest/errors.ts';
import { encodeFreshness, formatFreshnessReceipt, MAXIMUM_VOLUME_ID } from '../attest/freshness.ts';
import { Members, parseJson } from '../attest/json.ts';
import { appendAudit } from './audit.ts';
import type { BrokerOptions } from './broker.ts';
import type { Gate } from './gate.ts';
import { type HttpResponse, jsonResponse } from './http.ts';
import type { Session } from './sessions.ts';
import type { VolumeState } from './store.ts';

const CODE = 'MALFORMED_MESSAGE';
interface Commit {
  readonly counter: number;
  readonly root: Uint8Array;
}

interface FreshnessRequest {
  readonly volume: string;
  readonly nonce: Uint8Array;
  /** Absent: only asks for the last commit. */
  readonly move: { readonly from: Commit; readonly to: Commit } | undefined;
}

function parseCommit(members: Members): Commit {
  return {
    counter: members.integer('counter', Number.MAX_SAFE_INTEGER),
    root: fromHex(members.hex('root', 32), CODE),
  };
}

function parseRequest(text: string): FreshnessRequest {
  const top = new Members(parseJson(text, CODE), CODE, 'freshness');
  const volume = toHex(fromHex(top.string('volume'), CODE));
  require(volume.length > 0 &&
    volume.length <= 2 * MAXIMUM_VOLUME_ID, CODE, 'volume ID of odd size');
  const nonce = fromHex(top.string('nonce'), CODE);
  require(nonce.length <= 64, CODE, 'nonce of more than 64 bytes');
  const move = top.has('to')
    ? { from: parseCommit(top.object('from')), to: parseCommit(top.object('to')) }
    : undefined;
  return { volume, nonce, move };
}

export class Anchors {
  readonly #options: BrokerOptions;
  readonly #gate: Gate;

  constructor(options: BrokerOptions, gate: Gate) {
    this.#options = options;
    this.#gate = gate;
  }

  async handle(session: Session, text: string): Promise<HttpResponse> {
    const request = parseRequest(text);
    const { store } = this.#options;
    const policy = store.volume(request.volume)?.policy;
    if (policy === undefined || !session.attested)
      return jsonResponse(404, { type: 'NotFound', detail: 'no such volume' });
    const appraisal = await this.#gate.appraise(session, session.attested, policy);
    if (!appraisal.accepted)
      return jsonResponse(403, { type: 'PolicyDeny', detail: appraisal.reasons.join('; ') });
    return this.#answer(request);
  }

  /** From here on nothing waits: the check and the move are one step. */
  #answer(request: FreshnessRequest): HttpResponse {
    const { store, crypto, key } = this.#options;
    const timeMs = this.#gate.nowMs();
    const { volume, move, nonce } = request;
    const outcome = store.transaction(() => {
      const known = store.volume(volume) as VolumeState;
      if (!move) return { status: 200, state: known };
      if (isSame(known, move.to)) return { status: 200, state: known };
      if (!isSame(known, move.from) || move.to.counter <= known.counter)
        return { status: 409, state: known };
      const state = { ...move.to, policy: known.policy };
      store.putVolume(volume, state);
      const { counter, root } = state;
      appendAudit(store, crypto, 'freshness', timeMs, { volume, counter, root: toHex(root) });
      return { status: 200, state };
    });
    const { counter, root } = outcome.state;
    const statement = encodeFreshness({ volume: fromHex(volume), root, counter, nonce, timeMs });
    const receipt = { statement, signature: key.sign(statement) };
    return jsonResponse(outcome.status, formatFreshnessReceipt(receipt));
  }
}

const isSame = (a: Commit, b: Commit): boolean =>
  a.counter === b.counter && equalBytes(a.root, b.root);
