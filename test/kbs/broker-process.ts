/**
 * A broker over a SQLite file, as its own process, so that a test can kill it: prints its port and
 * the broker's key. Arguments: database, seed of the signing key.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { Secret } from '../../src/base/secret.ts';
import { serveBroker } from '../../src/host/broker-server.ts';
import { nodeCrypto, nodeEntropy } from '../../src/host/crypto.ts';
import { SqliteStore } from '../../src/host/sqlite-store.ts';
import { Broker } from '../../src/kbs/broker.ts';
import { policyFor, secretOf } from '../../src/kbs/testing/setup.ts';
import { Vault } from '../../src/kbs/vault.ts';

const [path = ''] = process.argv.slice(2);
const store = new SqliteStore(path);
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const privateKey = createPrivateKey({
  key: Buffer.concat([PKCS8_PREFIX, Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});
const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
const key = {
  publicKey: new Uint8Array(spki.subarray(-32)),
  sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)),
};
const clock = { realtimeNs: () => BigInt(Date.now()) * 1_000_000n };
const parts = { store, crypto: nodeCrypto, entropy: nodeEntropy, clock };
const vault = new Vault({ ...parts, storeKey: new Secret(new Uint8Array(32).fill(42)) });
if (store.policyNames().length === 0) {
  vault.putPolicy('analysis', policyFor('analysis'));
  vault.putSecret('lab/key/volume', 'analysis', secretOf('the secret'));
  vault.addVolume('aa', 'analysis');
}
const logger = { log: (_level: string, message: string) => console.error(message) };
const rate = { perSecond: 1e6, burst: 1e6, maximumPeers: 100 };
const broker = new Broker({ ...parts, vault, key, logger, limits: { rate } });
const options = { host: '127.0.0.1', port: 0, maximumBodyBytes: 512 * 1024 };
const server = await serveBroker((request) => broker.handle(request), options);
console.log(JSON.stringify({ port: server.port, key: Buffer.from(key.publicKey).toString('hex') }));
