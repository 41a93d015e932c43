/**
 * The wire format of a TPM 2.0 (TCG TPM 2.0 Library, version 1.59): numbers of Part 2 that are used
 * here, big-endian fields (Part 1, 8.1), and bounded reading of responses, which are hostile.
 */

import { concatBytes } from '../../base/concat-bytes.ts';

/** Part 2, 6.9: TPM_ST. */
export const TPM_ST = { noSessions: 0x8001, sessions: 0x8002 } as const;

/** Part 2, 6.5.2: TPM_CC. */
export const TPM_CC = {
  nvUndefineSpace: 0x122,
  nvDefineSpace: 0x12a,
  createPrimary: 0x131,
  nvExtend: 0x136,
  nvRead: 0x14e,
  flushContext: 0x165,
  startAuthSession: 0x176,
} as const;

/** Part 2, 7.4: TPM_RH. */
export const TPM_RH = {
  owner: 0x40000001,
  null: 0x40000007,
  passwordSession: 0x40000009,
  endorsement: 0x4000000b,
} as const;

/** Part 2, 6.3: TPM_ALG_ID. */
export const TPM_ALG = {
  aes: 0x0006,
  xor: 0x000a,
  sha256: 0x000b,
  null: 0x0010,
  ecc: 0x0023,
  cfb: 0x0043,
} as const;

/** Part 2, 6.4: TPM_ECC_CURVE. */
export const TPM_ECC_NIST_P256 = 0x0003;

export type TpmErrorCode =
  /** Nothing came back, or the way to the TPM broke. */
  | 'TPM_TRANSPORT'
  /** What came back is not what a TPM says, or not authentic. */
  | 'TPM_FORGED'
  /** The TPM, or someone in its name, refused: errors of a TPM carry no proof of origin. */
  | 'TPM_REFUSED'
  /** A TPM, but not the one that is known. */
  | 'TPM_OTHER'
  /** What the TPM holds is not what follows from what is known. */
  | 'TPM_DIVERGED';

export class TpmError extends Error {
  readonly code: TpmErrorCode;
  /** TPM_RC, of TPM_REFUSED. */
  readonly responseCode: number;

  constructor(code: TpmErrorCode, message: string, options?: ErrorOptions & { rc?: number }) {
    super(message, options);
    this.code = code;
    this.responseCode = options?.rc ?? 0;
  }
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** A TPM2B: u16 size, then that many bytes (Part 2, 10.4). */
export function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes(u16(bytes.length), bytes);
}

/** Reads a response; running out of bytes is TPM_FORGED. */
export class TpmReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new TpmError('TPM_FORGED', 'a response of the TPM is too short');
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  u16(): number {
    return this.u8() * 2 ** 8 + this.u8();
  }

  u32(): number {
    return this.u16() * 2 ** 16 + this.u16();
  }

  sized(): Uint8Array {
    return this.take(this.u16());
  }

  end(): void {
    if (this.left !== 0) throw new TpmError('TPM_FORGED', 'a response of the TPM is too long');
  }
}

/** Part 2, 6.6.3: TPM_RC, those that people meet. Format one without its handle or session number. */
const RESPONSES: Readonly<Record<number, string>> = {
  256: 'TPM_RC_INITIALIZE: it was not started',
  257: 'TPM_RC_FAILURE: it is in failure mode, restart the machine',
  329: 'TPM_RC_NV_AUTHORIZATION: another index than the one that was made',
  331: 'TPM_RC_NV_SPACE: no room for another index, remove one (tpm2_nvundefine)',
  332: 'TPM_RC_NV_DEFINED',
  2304: 'TPM_RC_CONTEXT_GAP',
  2306: 'TPM_RC_OBJECT_MEMORY: its slots for keys are taken, use /dev/tpmrm0',
  2307: 'TPM_RC_SESSION_MEMORY: its slots for sessions are taken, use /dev/tpmrm0',
  2309: 'TPM_RC_SESSION_HANDLES: too many sessions are open, use /dev/tpmrm0',
  2336: 'TPM_RC_NV_RATE: it slows writing down to spare its memory',
  2337: 'TPM_RC_LOCKOUT: locked after wrong passwords, for others to clear',
  [0x08b]: 'TPM_RC_HANDLE: there is no such index',
  [0x08e]: 'TPM_RC_AUTH_FAIL: another secret than the one of the index',
  [0x0a2]: 'TPM_RC_BAD_AUTH: a hierarchy of the TPM needs a password',
  [0x09d]: 'TPM_RC_BAD_AUTH',
};

const FORMAT_ONE = 0x80;
export const TPM_RC_NV_DEFINED = 332;

/** Shows a response code. */
export function responseText(rc: number): string {
  const number = (rc & FORMAT_ONE) === 0 ? rc : rc & 0xbf;
  return RESPONSES[number] ?? `response code 0x${rc.toString(16)}`;
}
