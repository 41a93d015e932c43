/** `cloister kbs …`: the key broker: serve, and manage policies, secrets, volumes and the audit log. */

import type { Command } from 'commander';
import type { CollateralOptions } from './collateral-folder.ts';
import { usageError } from './errors.ts';
import type { OpenBroker } from './kbs-store.ts';
import { printJson, printLine, reporting } from './report.ts';

interface StoreOption {
  readonly store?: string;
}

const STORE = ['--store <folder>', 'where the broker keeps its files'] as const;

export function register(program: Command): void {
  const kbs = program
    .command('kbs')
    .description('key broker: gives secrets to attested instances only')
    .addHelpText(
      'after',
      '\nExample:\n  cloister kbs policy lab policy.yaml\n' +
        '  cloister kbs put lab/key/volume --policy lab < key.bin\n' +
        '  cloister kbs serve --listen 127.0.0.1:8080\n',
    );
  kbs
    .command('serve')
    .description('answer requests until stopped')
    .option('--listen <address>', 'address and port', '127.0.0.1:8080')
    .option('--collateral <folder>', 'DCAP collateral bundles (*.json), by FMSPC')
    .option('--pccs <url>', 'collateral caching service, for example https://localhost:8081')
    .option(...STORE)
    .action(reporting(serve));
  kbs
    .command('policy')
    .description('store a policy under a name')
    .argument('<name>')
    .argument('<file>', 'policy, YAML')
    .option(...STORE)
    .action(reporting(putPolicy));
  kbs
    .command('put')
    .description('store a secret, or its next version; reads standard input')
    .argument('<id>', 'REPOSITORY/TYPE/TAG')
    .requiredOption('--policy <name>', 'policy that guards it')
    .option(...STORE)
    .action(reporting(putSecret));
  kbs
    .command('delete')
    .description('delete a secret')
    .argument('<id>', 'REPOSITORY/TYPE/TAG')
    .option(...STORE)
    .action(reporting(deleteSecret));
  kbs
    .command('volume')
    .description('be the freshness anchor of a volume')
    .argument('<id>', 'volume ID in hexadecimal')
    .requiredOption('--policy <name>', 'policy of the instances that may move it')
    .option('--commit <N:HEX>', 'its last commit and commitment, as `volume stat` shows them')
    .option(...STORE)
    .action(reporting(addVolume));
  kbs
    .command('list')
    .description('show policies, secrets (names only) and the key of the broker')
    .option('--json', 'print as JSON')
    .option(...STORE)
    .action(reporting(list));
  kbs
    .command('audit')
    .description('show the audit log and check its chain')
    .option('--json', 'print the records as they are kept, one JSON object a line')
    .option(...STORE)
    .action(reporting(audit));
}

async function withBroker<T>(
  options: StoreOption,
  action: (open: OpenBroker) => T | Promise<T>,
): Promise<T> {
  const { openBroker } = await import('./kbs-store.ts');
  using open = openBroker(options.store);
  return await action(open);
}

interface ServeOptions extends StoreOption, CollateralOptions {
  readonly listen: string;
}

async function serve(options: ServeOptions): Promise<void> {
  const match = /^(.*):(\d{1,5})$/.exec(options.listen);
  if (!match) throw usageError('--listen takes ADDRESS:PORT');
  const { Broker, DEFAULT_LIMITS } = await import('../kbs/broker.ts');
  const { serveBroker } = await import('../host/broker-server.ts');
  await withBroker(options, async (open) => {
    const logger = {
      log: (_: string, message: string) => void process.stderr.write(`cloister: ${message}\n`),
    };
    const { collateralSource } = await import('./collateral-folder.ts');
    const collateral = collateralSource(options);
    const broker = new Broker({ ...open.parts, logger, ...(collateral ? { collateral } : {}) });
    const { maximumBodyBytes } = DEFAULT_LIMITS;
    const address = { host: match[1] ?? '', port: Number(match[2]), maximumBodyBytes };
    const server = await serveBroker((request) => broker.handle(request), address);
    printLine(`listening    http://${match[1]}:${server.port}`);
    printLine(`broker key   ed25519:${open.keyHex}`);
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    await server.close();
  });
}

async function putPolicy(name: string, file: string, options: StoreOption): Promise<void> {
  const { readFileSync } = await import('node:fs');
  const yaml = readFileSync(file, 'utf8');
  await withBroker(options, ({ parts }) => parts.vault.putPolicy(name, yaml));
  printLine(`policy       ${name}`);
}

async function putSecret(id: string, options: StoreOption & { policy: string }): Promise<void> {
  const { readFileSync } = await import('node:fs');
  const { Secret } = await import('../base/secret.ts');
  using secret = new Secret(readFileSync(0));
  if (secret.byteLength === 0)
    throw usageError('the secret is read from standard input: it is empty');
  const version = await withBroker(options, ({ parts }) =>
    parts.vault.putSecret(id, options.policy, secret),
  );
  printLine(`secret       ${id}, version ${version}, ${secret.byteLength} bytes`);
}

async function deleteSecret(id: string, options: StoreOption): Promise<void> {
  await withBroker(options, ({ parts }) => parts.vault.deleteSecret(id));
  printLine(`deleted      ${id}`);
}

async function addVolume(
  id: string,
  options: StoreOption & { policy: string; commit?: string },
): Promise<void> {
  if (!/^([0-9a-f]{2}){1,64}$/.test(id))
    throw usageError('a volume ID is 1 to 64 bytes of hexadecimal');
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(options.commit ?? '');
  if (options.commit !== undefined && match === null)
    throw usageError('--commit takes NUMBER:COMMITMENT, as `cloister volume stat` shows them');
  const commit = match && {
    counter: Number(match[1]),
    root: Uint8Array.from(Buffer.from(match[2] ?? '', 'hex')),
  };
  await withBroker(options, ({ parts }) =>
    parts.vault.addVolume(id, options.policy, commit ?? undefined),
  );
  printLine(`volume       ${id}`);
}

async function list(options: StoreOption & { json?: boolean }): Promise<void> {
  await withBroker(options, ({ parts, keyHex }) => {
    const { store } = parts;
    const secrets = store.secretIds().map((id) => {
      const { version, policy } = parts.vault.stored(id);
      return { id, version, policy };
    });
    const about = { key: `ed25519:${keyHex}`, policies: store.policyNames(), secrets };
    if (options.json) return printJson(about);
    printLine(`broker key   ${about.key}`);
    for (const name of about.policies) printLine(`policy       ${name}`);
    for (const { id, version, policy } of secrets)
      printLine(`secret       ${id}  version ${version}  policy ${policy}`);
  });
}

const AUDIT_BATCH = 1000;

/** `4  2026-01-31 12:00:00  release  lab/key/volume  sha256:0123…` */
function auditLine(text: string): string {
  const { sequence, time, kind, secret, policy, code, image } = JSON.parse(text);
  const what = secret ?? policy ?? '';
  const when = String(time).slice(0, 19).replace('T', ' ');
  const of = image === undefined ? '' : `image ${String(image).slice(0, 23)}…`;
  const columns = [String(sequence).padStart(4), when, String(kind).padEnd(8), what, code, of];
  return columns.filter((column) => column !== undefined && column !== '').join('  ');
}

async function audit(options: StoreOption & { json?: boolean }): Promise<void> {
  const { checkAuditChain } = await import('../kbs/audit.ts');
  await withBroker(options, ({ parts }) => {
    for (let from = 1; ; ) {
      const batch = parts.store.audits(from, AUDIT_BATCH);
      if (batch.length === 0) break;
      for (const { text, sequence } of batch) {
        printLine(options.json ? text : auditLine(text));
        from = sequence + 1;
      }
    }
    const broken = checkAuditChain(parts.store, parts.crypto);
    if (broken === undefined) return;
    process.stderr.write(`cloister: the chain of the audit log breaks at record ${broken}\n`);
    process.exitCode = 3;
  });
}
