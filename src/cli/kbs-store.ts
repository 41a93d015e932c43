/** The broker's folder: database, store key, signing key; each made on first use, mode 0600. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../base/secret.ts';
import { nodeClock } from '../host/clock.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { SqliteStore } from '../host/sqlite-store.ts';
import { stateHome } from '../host/state-home.ts';
import type { BrokerKey } from '../kbs/broker.ts';
import { Vault } from '../kbs/vault.ts';

export interface OpenBroker extends Disposable {
  readonly keyHex: string;
  readonly parts: {
    readonly store: SqliteStore;
    readonly vault: Vault;
    readonly key: BrokerKey;
    readonly crypto: typeof nodeCrypto;
    readonly entropy: typeof nodeEntropy;
    readonly clock: typeof nodeClock;
  };
}

function fileOf(path: string, make: () => string | Uint8Array): Buffer {
  if (!existsSync(path)) writeFileSync(path, make(), { mode: 0o600, flag: 'wx' });
  return readFileSync(path);
}

export function openBroker(folder = join(stateHome(), 'kbs')): OpenBroker {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const storeKey = new Secret(fileOf(join(folder, 'store.key'), () => randomBytes(32)));
  const pem = fileOf(join(folder, 'signing.pem'), () =>
    String(generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })),
  );
  const privateKey = createPrivateKey(pem);
  const pkcs8 = new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }));
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(-32));
  const key = { publicKey, sign: (m: Uint8Array) => nodeCrypto.ed25519Sign(pkcs8, m) };
  const store = new SqliteStore(join(folder, 'kbs.db'));
  const common = { store, crypto: nodeCrypto, entropy: nodeEntropy, clock: nodeClock };
  const vault = new Vault({ ...common, storeKey });
  return {
    keyHex: Buffer.from(publicKey).toString('hex'),
    parts: { ...common, vault, key },
    [Symbol.dispose]() {
      storeKey[Symbol.dispose]();
      store[Symbol.dispose]();
    },
  };
}
