/** `cloister connect HOST:PORT --policy FILE`: a connection to an instance that is appraised first. */

import type { Command } from 'commander';
import type { StreamJudge } from '../kbs/attested-stream.ts';
import type { CollateralOptions } from './collateral-folder.ts';
import { CommandError, usageError } from './errors.ts';
import { reporting } from './report.ts';

interface Options extends CollateralOptions {
  readonly policy: string;
  readonly freshness: string;
}

export function register(program: Command): void {
  program
    .command('connect')
    .description('connect to an ingress; nothing is sent before the policy accepts what runs there')
    .argument('<HOST:PORT>', 'where it listens')
    .requiredOption('--policy <FILE>', 'policy that its evidence must meet')
    .option(
      '--freshness <connection|certificate>',
      'what the evidence must be of; certificate: as other RA-TLS servers have it',
      'connection',
    )
    .option('--collateral <DIR>', 'bundles that Intel evidence is judged by')
    .option('--pccs <URL>', 'or the caching service that has them')
    .addHelpText(
      'after',
      '\nStandard input goes there, what comes back goes to standard output.\n' +
        '\nExit status: 0 the other side ended, 4 refused, 1 other errors.\n' +
        "\nExample:\n  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | cloister connect host:8443 --policy policy.yaml\n",
    )
    .action(reporting(connect));
}

/** TCP, TLS and evidence; a person waits. */
const HANDSHAKE_MS = 30_000;
const IDLE_MS = 86_400_000;
const HOUR_MS = 3_600_000;

async function connect(where: string, options: Options): Promise<void> {
  const match = /^(.+):(\d{1,5})$/.exec(where);
  if (match === null || Number(match[2]) > 65_535) throw usageError(`${where}: expected HOST:PORT`);
  const { freshness } = options;
  if (freshness !== 'connection' && freshness !== 'certificate')
    throw usageError(`--freshness ${freshness}: connection or certificate`);
  const { readFileSync } = await import('node:fs');
  const { parsePolicy } = await import('../attest/policy.ts');
  const { nodeTlsHost } = await import('../host/tls-host.ts');
  const { standardStreams } = await import('../host/stdio.ts');
  const { connectAttested } = await import('../kbs/attested-stream.ts');
  const { Relay } = await import('../runtime/front/relay.ts');
  const { collateralSource } = await import('./collateral-folder.ts');
  const collateral = collateralSource(options);
  const judge: StreamJudge = {
    ...{ policy: parsePolicy(readFileSync(options.policy, 'utf8')), freshness },
    ...{ time: () => new Date(), ...(collateral ? { collateral } : {}) },
  };
  const host = (match[1] ?? '').replace(/^\[(.*)\]$/, '$1');
  const { stream } = await connectAttested(
    nodeTlsHost,
    { host, port: Number(match[2]) },
    {
      ...{ identity: await bareIdentity(), judge, protocols: [] },
      ...{ handshakeMs: HANDSHAKE_MS, idleMs: IDLE_MS },
    },
  );
  // What is typed after the other side has ended reaches nobody.
  const relay = new Relay(stream, standardStreams());
  relay.finish();
  await relay.run();
  if (relay.hasInsideEnded) return;
  throw new CommandError('CLOISTER_CONNECT', 'the connection broke off before its end');
}

/** TLS wants a key; there is no evidence of a person at a command line. */
async function bareIdentity() {
  const { createCertificate, generateChannelKey } = await import('../attest/ratls/create.ts');
  const key = await generateChannelKey();
  const now = Date.now();
  const certificate = await createCertificate({
    ...{ key, commonName: 'cloister connect' },
    ...{ notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) },
  });
  return { certificate, privateKey: key.pkcs8, publicKey: key.spki };
}
