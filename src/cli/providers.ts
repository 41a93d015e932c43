/** Which TEE gives evidence on this machine, and the keys of the simulated one. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROVIDERS, type ProviderName } from '../attest/evidence.ts';
import { nodeClock } from '../host/clock.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { stateHome } from '../host/state-home.ts';
import { nodeTeeFiles } from '../host/tee-files.ts';
import { detectTees } from '../tee/detect.ts';
import type { TeeProvider } from '../tee/provider.ts';
import { usageError } from './errors.ts';

/** `name`, or the first real TEE that is there, or `sim`. */
export async function selectProvider(name: string | undefined): Promise<TeeProvider> {
  const files = nodeTeeFiles();
  const found = detectTees(files).find(
    ({ provider, available }) => available && provider !== 'sim',
  );
  const wanted = name ?? found?.provider ?? 'sim';
  const known = PROVIDERS.find((candidate) => candidate === wanted);
  if (!known) throw usageError(`no provider "${wanted}"; there are: ${PROVIDERS.join(', ')}`);
  return open(known);
}

async function open(name: ProviderName): Promise<TeeProvider> {
  const files = nodeTeeFiles();
  switch (name) {
    case 'tdx':
    case 'snp':
      return (await import('../tee/tsm.ts')).tsmProvider(name, { files, entropy: nodeEntropy });
    case 'sgx':
      return (await import('../tee/gramine.ts')).gramineProvider(files);
    case 'nitro': {
      const { openNsm } = await import('../host/native/nsm.ts');
      return (await import('../tee/nitro.ts')).nitroProvider(openNsm());
    }
    case 'tpm':
      throw usageError('TPM evidence is verified here, not made; tpm2_quote makes it');
    case 'sim':
      return openSim();
  }
}

async function openSim(): Promise<TeeProvider> {
  const { createSimIdentity, formatSimIdentity, parseSimIdentity, simProvider } = await import(
    '../tee/sim.ts'
  );
  const directory = join(stateHome(), 'keys');
  const path = join(directory, 'sim.json');
  if (!existsSync(path)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const made = formatSimIdentity(await createSimIdentity());
    writeFileSync(path, made, { mode: 0o600, flag: 'wx' });
  }
  const identity = parseSimIdentity(readFileSync(path, 'utf8'));
  return simProvider(identity, { crypto: nodeCrypto, clock: nodeClock });
}
