/**
 * `npm run demo:secrets`: two owners who trust neither each other nor the machine put a key each with
 * a broker, under policies that name one image. An instance of that image gets both; a changed image,
 * recorded evidence and a host that reads the store get nothing. Simulated evidence, and said so.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../src/attest/bytes.ts';
import type { Evidence } from '../src/attest/evidence.ts';
import { Secret } from '../src/base/secret.ts';
import { openBroker } from '../src/cli/kbs-store.ts';
import { httpTransport, serveBroker } from '../src/host/broker-server.ts';
import { nodeClock } from '../src/host/clock.ts';
import { nodeCrypto, nodeEntropy } from '../src/host/crypto.ts';
import { checkAuditChain } from '../src/kbs/audit.ts';
import { Broker } from '../src/kbs/broker.ts';
import { BrokerRefusal, type Prover, RcarClient } from '../src/kbs/client.ts';
import { createEvidence } from '../src/tee/provider.ts';
import { createSimIdentity, simProvider } from '../src/tee/sim.ts';

const folder = mkdtempSync(join(tmpdir(), 'cloister-secrets-'));
const measure = (text: string): Uint8Array => nodeCrypto.sha256(new TextEncoder().encode(text));
const image = measure('the joint analysis, as both owners reviewed it');
const changed = measure('the joint analysis, with one line more');
const sim = simProvider(await createSimIdentity(), { crypto: nodeCrypto, clock: nodeClock });

let step = 0;
const heading = (text: string) => console.log(`\n${++step}. ${text}`);

function instanceOf(imageMeasurement: Uint8Array): Extract<Prover, { kind: 'cloister' }> {
  const runtimeMeasurement = measure('cloister');
  return {
    kind: 'cloister',
    provider: 'sim',
    evidence: (publicKey, nonce) =>
      createEvidence(sim, { imageMeasurement, runtimeMeasurement, publicKey, nonce }, nodeCrypto),
  };
}

const policy = (owner: string) => `format: cloister-policy/1
name: ${owner}
providers: {sim: }
images: [sha256:${toHex(image)}]
requireNonce: true
maximumEvidenceAgeSeconds: 60
`;

async function refused(what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof BrokerRefusal)) throw error;
    console.log(`refused, as it must be: ${error.message}`);
    return;
  }
  console.error(`demo: ${what} was given a secret`);
  process.exit(1);
}

async function main(): Promise<void> {
  using open = openBroker(folder);
  const { vault, store } = open.parts;
  heading('Two owners put a key each with a broker, for one image');
  const owners = ['clinic', 'laboratory'] as const;
  const given = new Map<string, Buffer>();
  for (const owner of owners) {
    const bytes = new Uint8Array(32);
    nodeEntropy.fill(bytes);
    given.set(owner, Buffer.from(bytes));
    using secret = new Secret(bytes);
    vault.putPolicy(owner, policy(owner));
    vault.putSecret(`${owner}/key/table`, owner, secret);
    console.log(`${owner}/key/table, for image sha256:${toHex(image).slice(0, 16)}… only`);
  }
  const logger = { log: (_: string, message: string) => console.error(message) };
  const broker = new Broker({ ...open.parts, logger });
  const options = { host: '127.0.0.1', port: 0, maximumBodyBytes: 512 * 1024 };
  const server = await serveBroker((request) => broker.handle(request), options);
  const transport = httpTransport(`http://127.0.0.1:${server.port}`);
  const brokerKey = open.parts.key.publicKey;
  const client = (prover: Prover) => new RcarClient({ transport, prover, brokerKey });

  heading('An instance of that image attests, and gets both');
  console.log('*** PROVIDER: SIM. SIMULATED EVIDENCE. IT PROTECTS NOTHING FROM THIS HOST. ***');
  let recorded: Evidence | undefined;
  const honest = instanceOf(image);
  const instance = client({
    ...honest,
    evidence: async (key, nonce) => {
      recorded = await honest.evidence(key, nonce);
      return recorded;
    },
  });
  for (const owner of owners) {
    const { secret, receipt } = await instance.secret(`${owner}/key/table`);
    using held = secret;
    const right = held.use((bytes) => given.get(owner)?.equals(bytes));
    if (!right || !receipt) throw new Error('demo: not the secret that was put');
    console.log(`${owner}/key/table: ${held.byteLength} bytes, with the broker's receipt`);
  }

  heading('The same image with one line more');
  await refused('a changed image', () => client(instanceOf(changed)).secret('clinic/key/table'));

  heading('Evidence recorded in the first session, played back in another');
  const replay: Prover = { ...honest, evidence: () => recorded as Evidence };
  await refused('a replay', () => client(replay).secret('clinic/key/table'));

  heading('What the broker wrote down');
  for (const { text } of store.audits(1, 100)) {
    const { sequence, kind, secret, code, image: of } = JSON.parse(text);
    console.log(
      `${sequence}  ${kind}  ${secret ?? ''} ${code ?? ''} ${of ? `${of.slice(0, 23)}…` : ''}`,
    );
  }
  if (checkAuditChain(store, nodeCrypto) !== undefined)
    throw new Error('demo: the chain is broken');
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const leaked = [...given.values()].some((key) => files.some((bytes) => bytes.includes(key)));
  if (leaked) throw new Error('demo: a key lies in the store in the clear');
  console.log(`the chain holds; neither key is in any of the broker's ${files.length} files`);
  await server.close();
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
