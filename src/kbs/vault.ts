/**
 * Secrets and policies in the store: put, rotate, delete, open. Secrets lie there encrypted under the
 * store key (AES-256-GCM), bound to their name, version and policy, so that records cannot be swapped.
 */
import { toHex, utf8 } from '../attest/bytes.ts';
import { type Policy, parsePolicy } from '../attest/policy.ts';
import { checkResourceId } from '../attest/rcar/messages.ts';
import type { Clock, Crypto, Entropy } from '../base/interfaces.ts';
import { Secret } from '../base/secret.ts';
import { appendAudit } from './audit.ts';
import { NO_COMMIT, type Store, type StoredSecret, type VolumeState } from './store.ts';

export interface VaultOptions {
  readonly store: Store;
  /** 32 bytes. */
  readonly storeKey: Secret;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly clock: Pick<Clock, 'realtimeNs'>;
}

export type VaultErrorCode =
  | 'NO_SUCH_SECRET'
  | 'NO_SUCH_POLICY'
  | 'STORE_DAMAGED'
  | 'POLICY_IN_USE'
  | 'VOLUME_GOES_BACK';

export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: VaultErrorCode;
  constructor(code: VaultErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const NS_PER_MS = 1_000_000n;

export class Vault {
  readonly #options: VaultOptions;
  readonly #parsed = new Map<string, { readonly yaml: string; readonly policy: Policy }>();

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  #nowMs(): number {
    return Number(this.#options.clock.realtimeNs() / NS_PER_MS);
  }

  /** Stores or replaces a policy; refuses YAML that is no policy. */
  putPolicy(name: string, yaml: string): void {
    parsePolicy(yaml);
    const { store, crypto } = this.#options;
    store.transaction(() => {
      store.putPolicy(name, yaml);
      appendAudit(store, crypto, 'put', this.#nowMs(), { policy: name });
    });
  }

  policy(name: string): Policy {
    const yaml = this.#options.store.policy(name);
    if (yaml === undefined) throw new VaultError('NO_SUCH_POLICY', `no policy "${name}"`);
    const known = this.#parsed.get(name);
    if (known?.yaml === yaml) return known.policy;
    const policy = parsePolicy(yaml);
    this.#parsed.set(name, { yaml, policy });
    return policy;
  }

  /** Stores a secret, or its next version. The caller keeps (and disposes) `secret`. */
  putSecret(id: string, policy: string, secret: Secret): number {
    checkResourceId(id);
    this.policy(policy);
    const { store, storeKey, crypto, entropy } = this.#options;
    return store.transaction(() => {
      const version = (store.secret(id)?.version ?? 0) + 1;
      const nonce = new Uint8Array(12);
      entropy.fill(nonce);
      const context = additionalData(id, version, policy);
      const sealed = storeKey.use((key) =>
        secret.use((bytes) => crypto.aesGcmSeal(key, nonce, context, bytes)),
      );
      store.putSecret({ id, version, policy, sealed: { nonce, ...sealed } });
      appendAudit(store, crypto, 'put', this.#nowMs(), { secret: id, version, policy });
      return version;
    });
  }

  deleteSecret(id: string): void {
    const { store, crypto } = this.#options;
    store.transaction(() => {
      const found = this.stored(id);
      store.deleteSecret(id);
      appendAudit(store, crypto, 'delete', this.#nowMs(), { secret: id, version: found.version });
    });
  }

  /**
   * Makes the broker the freshness anchor of a volume (ID in hexadecimal), from `commit` on; without
   * it, the first commit that an approved run shows is believed.
   */
  addVolume(volume: string, policy: string, commit?: Omit<VolumeState, 'policy'>): void {
    this.policy(policy);
    const { store, crypto } = this.#options;
    store.transaction(() => {
      const known = store.volume(volume) ?? NO_COMMIT;
      if (commit !== undefined && commit.counter < known.counter)
        throw new VaultError(
          'VOLUME_GOES_BACK',
          `volume ${volume} stands at commit ${known.counter}: an anchor never goes back`,
        );
      const { counter, root } = commit ?? known;
      store.putVolume(volume, { counter, root, policy });
      appendAudit(store, crypto, 'put', this.#nowMs(), {
        volume,
        policy,
        counter,
        root: toHex(root),
      });
    });
  }

  stored(id: string): StoredSecret {
    const found = this.#options.store.secret(id);
    if (!found) throw new VaultError('NO_SUCH_SECRET', `no secret "${id}"`);
    return found;
  }

  /** The caller disposes the secret. */
  open(stored: StoredSecret): Secret {
    const { storeKey, crypto } = this.#options;
    const { nonce, ciphertext, tag } = stored.sealed;
    const context = additionalData(stored.id, stored.version, stored.policy);
    const bytes = storeKey.use((key) => crypto.aesGcmOpen(key, nonce, context, ciphertext, tag));
    if (!bytes) throw new VaultError('STORE_DAMAGED', `secret "${stored.id}" does not open`);
    return new Secret(bytes);
  }
}

function additionalData(id: string, version: number, policy: string): Uint8Array {
  return utf8(JSON.stringify(['cloister.kbs.secret.v1', id, version, policy]));
}
