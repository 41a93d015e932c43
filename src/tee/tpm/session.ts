/**
 * An HMAC session with a TPM, salted to a key of that TPM (Part 1, 19.6): its key comes from a
 * secret that only the holder of the key can decrypt. Every command that it authorises and every
 * response carry an HMAC over all of it and over nonces of both sides (Part 1, 19.4), so what stands
 * between can neither change, exchange, invent nor repeat either. It can withhold them.
 *
 * Errors carry no HMAC: whoever is between can claim one. They are never believed to mean more than
 * that a command may have been done or not.
 */

import { equalBytes } from '../../attest/bytes.ts';
import { concatBytes } from '../../base/concat-bytes.ts';
import type { Crypto, Entropy, KeyAgreement } from '../../base/interfaces.ts';
import type { TpmTransport } from '../../host/tpm.ts';
import {
  responseText,
  sized,
  TPM_ALG,
  TPM_CC,
  TPM_RH,
  TPM_ST,
  TpmError,
  TpmReader,
  u8,
  u16,
  u32,
} from './wire.ts';

export interface TpmTools {
  readonly crypto: Pick<Crypto, 'sha256' | 'hmacSha256'>;
  readonly keys: Pick<KeyAgreement, 'p256'>;
  readonly entropy: Entropy;
}

/** A key of the TPM that decrypts: where it is loaded, and its public point. */
export interface TpmKey {
  readonly handle: number;
  readonly point: Uint8Array;
}

/** A thing that a command is about: its handle, and the name that HMACs cover (Part 1, 16). */
export interface Entity {
  readonly handle: number;
  readonly name: Uint8Array;
}

export interface Command {
  readonly code: number;
  /** The first is the one whose `secret` authorises. */
  readonly entities: readonly Entity[];
  readonly secret: Uint8Array;
  readonly parameters: Uint8Array;
  /** The first parameter is a TPM2B that travels encrypted. */
  readonly isSecret?: boolean;
}

/** Part 2, 8.4: TPMA_SESSION. */
const CONTINUE_SESSION = 0x01;
const DECRYPT = 0x20;
const NONCE_BYTES = 32;
const HASH_BITS = 256;
const EMPTY = new Uint8Array(0);
/** What a resource manager or a busy TPM asks for: the command was not begun (Part 2, 6.6.3). */
const RETRY_CODES: ReadonlySet<number> = new Set([0x908, 0x90a, 0x922]);
const MAX_RETRIES = 20;

const ascii = (text: string) => new TextEncoder().encode(text);

/** Sends a command and reads its response's head; throws TpmError when it is an error. */
function exchange(transport: TpmTransport, message: Uint8Array): TpmReader {
  for (let round = 0; ; round++) {
    let response: Uint8Array;
    try {
      response = transport.transmit(message);
    } catch (cause) {
      const what = `the TPM does not answer: ${(cause as Error).message}`;
      throw new TpmError('TPM_TRANSPORT', what, { cause });
    }
    const reader = new TpmReader(response);
    const tag = reader.u16();
    const size = reader.u32();
    const rc = reader.u32();
    if (size !== response.length || (rc === 0 && tag !== (message[1]! | 0x8000)))
      throw new TpmError('TPM_FORGED', 'a response of the TPM has an odd head');
    if (rc === 0) return reader;
    if (!RETRY_CODES.has(rc) || round >= MAX_RETRIES)
      throw new TpmError('TPM_REFUSED', `the TPM refuses: ${responseText(rc)}`, { rc });
  }
}

function framed(tag: number, code: number, body: Uint8Array): Uint8Array {
  return concatBytes(u16(tag), u32(10 + body.length), u32(code), body);
}

/** A command without sessions (Part 1, 18.2); its response is authenticated by nothing. */
export function plainCommand(transport: TpmTransport, code: number, body: Uint8Array): TpmReader {
  return exchange(transport, framed(TPM_ST.noSessions, code, body));
}

/** A command authorised by an empty password (Part 1, 19.4.5); its response by nothing. */
export function passwordCommand(
  transport: TpmTransport,
  code: number,
  handle: number,
  parameters: Uint8Array,
): { readonly handles: TpmReader; readonly parameters: TpmReader } {
  const session = concatBytes(u32(TPM_RH.passwordSession), sized(EMPTY), u8(1), sized(EMPTY));
  const body = concatBytes(u32(handle), u32(session.length), session, parameters);
  const reader = exchange(transport, framed(TPM_ST.sessions, code, body));
  const handles = new TpmReader(reader.take(4));
  return { handles, parameters: new TpmReader(reader.take(reader.u32())) };
}

export class TpmSession {
  readonly #transport: TpmTransport;
  readonly #tools: TpmTools;
  readonly #handle: number;
  readonly #key: Uint8Array;
  #nonceTpm: Uint8Array;

  /** TPM2_StartAuthSession (Part 3, 11.1). Nothing is known of the other side before `run`. */
  constructor(transport: TpmTransport, tools: TpmTools, key: TpmKey) {
    this.#transport = transport;
    this.#tools = tools;
    const { crypto } = tools;
    const agreed = tools.keys.p256(key.point);
    if (agreed === undefined) throw new TpmError('TPM_FORGED', 'the key of the TPM is none');
    const { point, shared } = agreed;
    // Part 1, C.6.1 and 11.4.10.3 (KDFe): the salt that both sides compute.
    const label = concatBytes(ascii('SECRET'), u8(0));
    const parties = concatBytes(point.subarray(0, 32), key.point.subarray(0, 32));
    const salt = crypto.sha256(u32(1), shared, label, parties);
    const nonce = this.#fresh();
    const secret = concatBytes(sized(point.subarray(0, 32)), sized(point.subarray(32)));
    const symmetric = concatBytes(u16(TPM_ALG.xor), u16(TPM_ALG.sha256));
    const body = concatBytes(
      ...[u32(key.handle), u32(TPM_RH.null), sized(nonce), sized(secret)],
      ...[u8(0), symmetric, u16(TPM_ALG.sha256)],
    );
    const response = plainCommand(transport, TPM_CC.startAuthSession, body);
    this.#handle = response.u32();
    this.#nonceTpm = response.sized();
    response.end();
    this.#key = this.#derive(salt, 'ATH', this.#nonceTpm, nonce, HASH_BITS);
  }

  /** Runs a command; answers its response parameters, which are authentic. Throws TpmError. */
  run(command: Command): TpmReader {
    const { crypto } = this.#tools;
    const { code, entities, secret, isSecret = false } = command;
    const nonce = this.#fresh();
    const key = concatBytes(this.#key, secret);
    const parameters = isSecret
      ? this.#concealed(command.parameters, key, nonce)
      : command.parameters;
    const attributes = u8(CONTINUE_SESSION | (isSecret ? DECRYPT : 0));
    const names = entities.map(({ name }) => name);
    const commandHash = crypto.sha256(u32(code), ...names, parameters);
    const mac = crypto.hmacSha256(key, commandHash, nonce, this.#nonceTpm, attributes);
    const session = concatBytes(u32(this.#handle), sized(nonce), attributes, sized(mac));
    const handles = entities.map(({ handle }) => u32(handle));
    const body = concatBytes(...handles, u32(session.length), session, parameters);
    const response = exchange(this.#transport, framed(TPM_ST.sessions, code, body));
    const answer = response.take(response.u32());
    const nonceTpm = response.sized();
    const flags = u8(response.u8());
    const shown = response.sized();
    response.end();
    const responseHash = crypto.sha256(u32(0), u32(code), answer);
    if (!equalBytes(shown, crypto.hmacSha256(key, responseHash, nonceTpm, nonce, flags)))
      throw new TpmError('TPM_FORGED', 'a response is not by the TPM that is known');
    this.#nonceTpm = nonceTpm;
    return new TpmReader(answer);
  }

  /** TPM2_FlushContext (Part 3, 28.4): gives the TPM its memory back. */
  close(): void {
    plainCommand(this.#transport, TPM_CC.flushContext, u32(this.#handle));
  }

  #fresh(): Uint8Array {
    const nonce = new Uint8Array(NONCE_BYTES);
    this.#tools.entropy.fill(nonce);
    return nonce;
  }

  /** Part 1, 21.2: the first parameter XORed with a mask that both nonces and the key make. */
  #concealed(parameters: Uint8Array, key: Uint8Array, nonce: Uint8Array): Uint8Array {
    const out = parameters.slice();
    const length = out[0]! * 256 + out[1]!;
    const mask = this.#derive(key, 'XOR', nonce, this.#nonceTpm, length * 8);
    for (let i = 0; i < length; i++) out[2 + i]! ^= mask[i]!;
    return out;
  }

  /** Part 1, 11.4.10.2: KDFa with SHA-256. */
  #derive(
    key: Uint8Array,
    label: string,
    newer: Uint8Array,
    older: Uint8Array,
    bits: number,
  ): Uint8Array {
    const blocks: Uint8Array[] = [];
    for (let counter = 1; (counter - 1) * HASH_BITS < bits; counter++) {
      const parts = [u32(counter), ascii(label), u8(0), newer, older, u32(bits)];
      blocks.push(this.#tools.crypto.hmacSha256(key, ...parts));
    }
    return concatBytes(...blocks).subarray(0, bits / 8);
  }
}
