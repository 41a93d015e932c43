/** `cloister attest`: evidence of an image under this Cloister, or of an instance that runs. */

import type { Command } from 'commander';
import type { Evidence } from '../attest/evidence.ts';
import { usageError } from './errors.ts';
import { printLine, reporting } from './report.ts';

interface Options {
  readonly nonce?: string;
  readonly provider?: string;
  readonly output?: string;
}

export function register(program: Command): void {
  program
    .command('attest')
    .description('give evidence of what runs: image, Cloister itself, and a challenge')
    .argument('[image|instance]', 'image folder, or the name of an instance that runs', 'image')
    .option('--nonce <hex>', 'the challenge of whoever will verify it, up to 64 bytes')
    .option('--provider <name>', 'tdx, snp, sgx, nitro or sim (default: what the machine has)')
    .option('-o, --output <file>', 'write the evidence there and show a summary')
    .addHelpText(
      'after',
      '\nEvidence of an instance is bound to the key of that instance; only one of a measured image has it.\n' +
        'A folder ./NAME is an image, NAME alone an instance where there is one.\n' +
        '\nWithout a TEE the evidence is simulated: it says so, and proves nothing.\n' +
        '\nExample:\n  cloister attest image --nonce c0ffee -o evidence.json\n' +
        '  cloister attest web --nonce c0ffee -o evidence.json\n' +
        '  cloister verify --evidence evidence.json --policy policy.yaml --nonce c0ffee\n',
    )
    .action(reporting(attest));
}

export function parseNonce(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  if (!/^([0-9a-fA-F]{2}){1,64}$/.test(text))
    throw usageError('--nonce takes 1 to 64 bytes in hexadecimal');
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

async function attest(name: string, options: Options): Promise<void> {
  const nonce = parseNonce(options.nonce) ?? new Uint8Array(0);
  const evidence =
    (await ofInstance(name, nonce, options)) ?? (await ofImage(name, nonce, options));
  const { formatEvidence } = await import('../attest/evidence.ts');
  if (evidence.provider === 'sim')
    process.stderr.write('cloister: simulated evidence: it proves nothing against this machine\n');
  const text = formatEvidence(evidence);
  if (options.output === undefined) {
    process.stdout.write(text);
    return;
  }
  const { writeFileSync } = await import('node:fs');
  writeFileSync(options.output, text);
  await summarise(evidence, options.output);
}

/** From the instance itself, which alone has its key; undefined where no instance has that name. */
async function ofInstance(
  name: string,
  nonce: Uint8Array,
  options: Options,
): Promise<Evidence | undefined> {
  const { isInstanceName, readInstance } = await import('../host/instance-folder.ts');
  if (!isInstanceName(name) || readInstance(name) === undefined) return undefined;
  if (options.provider !== undefined)
    throw usageError(`--provider: the instance ${name} has its own since its start`);
  const { toHex } = await import('../attest/bytes.ts');
  const { parseEvidence } = await import('../attest/evidence.ts');
  const { askInstance, runningInstance } = await import('./instance-client.ts');
  const request = { op: 'evidence', nonce: toHex(nonce) } as const;
  const { evidence } = await askInstance(runningInstance(name), request, 'evidence');
  return parseEvidence(evidence);
}

async function ofImage(path: string, nonce: Uint8Array, options: Options): Promise<Evidence> {
  const { NodeImageSource } = await import('../host/image-files.ts');
  const { nodeCrypto } = await import('../host/crypto.ts');
  const { runtimeFiles } = await import('../host/runtime-files.ts');
  const { openHead } = await import('../image/open.ts');
  const { evidenceOf } = await import('../runtime/evidence.ts');
  const { measureRuntime } = await import('../runtime/measure.ts');
  const { generateChannelKey } = await import('../attest/ratls/create.ts');
  const { selectProvider } = await import('./providers.ts');
  using source = new NodeImageSource(path);
  // Evidence is about the manifest: an encrypted image needs no key for it.
  const image = openHead(source, {}, nodeCrypto);
  const provider = await selectProvider(options.provider);
  const runtimeMeasurement = measureRuntime(runtimeFiles(), nodeCrypto);
  // A key of this moment: nothing runs that could hold one, so nothing can be sent to it either.
  const { spki: publicKey } = await generateChannelKey();
  return evidenceOf({ image, provider, runtimeMeasurement, publicKey, nonce }, nodeCrypto);
}

async function summarise(evidence: Evidence, output: string): Promise<void> {
  const { toHex } = await import('../attest/bytes.ts');
  const { binding } = evidence;
  printLine(`evidence     ${output}`);
  printLine(`provider     ${evidence.provider}, ${evidence.raw.length} bytes`);
  if (!binding) return;
  printLine(`image        sha256:${toHex(binding.imageMeasurement)}`);
  printLine(`runtime      sha256:${toHex(binding.runtimeMeasurement)}`);
  printLine(`nonce        ${toHex(binding.nonce) || 'none'}`);
}
