/**
 * What a broker must remember, and the interface to whatever remembers it. Synchronous: the one real
 * implementation is SQLite in the same process, and a transaction must not be interleaved.
 */
import type { Sealed } from '../base/interfaces.ts';

export interface StoredSecret {
  readonly id: string;
  /** Counts up with each rotation. */
  readonly version: number;
  /** Name of the policy that guards it. */
  readonly policy: string;
  /** Encrypted with the store key; `nonce` 12 bytes. */
  readonly sealed: Sealed & { readonly nonce: Uint8Array };
}

export interface AuditRecord {
  readonly sequence: number;
  /** Canonical text of what happened. */
  readonly text: string;
  /** SHA-256 over the previous record's hash and this text. */
  readonly hash: Uint8Array;
}

export interface VolumeState {
  readonly counter: number;
  readonly root: Uint8Array;
  readonly policy: string;
}

/** A volume that nobody has committed yet. */
export const NO_COMMIT: Omit<VolumeState, 'policy'> = { counter: 0, root: new Uint8Array(32) };

export interface Store {
  /**
   * Runs `action`; either all its changes last, even if the machine stops right after, or none. An
   * exception undoes them and is passed on.
   */
  transaction<T>(action: () => T): T;
  secret(id: string): StoredSecret | undefined;
  secretIds(): readonly string[];
  putSecret(secret: StoredSecret): void;
  deleteSecret(id: string): void;
  policy(name: string): string | undefined;
  policyNames(): readonly string[];
  putPolicy(name: string, yaml: string): void;
  lastAudit(): AuditRecord | undefined;
  audits(from: number, count: number): readonly AuditRecord[];
  appendAudit(record: AuditRecord): void;
  volume(id: string): VolumeState | undefined;
  putVolume(id: string, state: VolumeState): void;
}
