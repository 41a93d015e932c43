/** `cloister build`: cloister.yaml → a measured, signed image. */

import type { Command } from 'commander';
import type { BuildConfig } from '../image/config-schema.ts';
import { formatBytes, Progress, printJson, printLine, reporting } from './report.ts';

interface Options {
  readonly output?: string;
  readonly key?: string;
  readonly sign: boolean;
  readonly json?: boolean;
  readonly encryptKey?: string;
}

export function register(program: Command): void {
  program
    .command('build')
    .description('build a measured, signed image from cloister.yaml')
    .argument('[folder]', 'folder with cloister.yaml', '.')
    .option('-o, --output <dir>', 'where the image goes (default: <folder>/image)')
    .option('--key <file>', 'Ed25519 private key in PEM form (default: the developer key)')
    .option('--no-sign', 'do not sign the image')
    .option('--encrypt-key <file>', 'encrypt under this 32-byte key of the owner')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  cloister build --key release.pem -o dist/image\n')
    .action(reporting(build));
}

async function build(folder: string, options: Options): Promise<void> {
  const { existsSync, readFileSync } = await import('node:fs');
  const { join, resolve } = await import('node:path');
  const { parseConfig } = await import('../image/config-parse.ts');
  const { buildImage } = await import('../image/build.ts');
  const { ImageError } = await import('../image/host-files.ts');
  const { toHex } = await import('../image/canonical-json.ts');
  const host = await import('../host/image-files.ts');
  const { nodeCrypto, nodeEntropy } = await import('../host/crypto.ts');
  const { readKeyFile } = await import('../host/volume-file.ts');
  const ownerKey = options.encryptKey === undefined ? undefined : readKeyFile(options.encryptKey);

  const file = join(folder, 'cloister.yaml');
  if (!existsSync(file))
    throw new ImageError(
      'CLOISTER_CONFIG',
      `${file} does not exist: \`cloister new NAME\` makes one`,
    );
  const config = parseConfig(readFileSync(file, 'utf8'), file);
  const signer = options.sign ? await loadSigner(options.key) : undefined;
  const directory = resolve(options.output ?? join(folder, 'image'));
  using output = new host.NodeImageOutput(directory);
  using progress = new Progress('sealing files');
  using translating = new Progress('translating programs');
  const { pretranslate } = await import('../runtime/pretranslate.ts');
  const { zstd } = await import('../host/compression.ts');
  const result = buildImage({
    config,
    baseDir: resolve(folder),
    host: host.nodeHostFiles,
    output,
    crypto: nodeCrypto,
    ...(signer ? { signer } : {}),
    ...(ownerKey ? { encryption: { ownerKey, entropy: nodeEntropy } } : {}),
    policyText: await policyReader(config, folder),
    onProgress: ({ filesDone, filesTotal }) => progress.update(filesDone, filesTotal),
    translation: {
      translate: (file) => pretranslate(file)?.bytes,
      compression: zstd,
      onProgress: ({ filesDone, filesTotal }) => translating.update(filesDone, filesTotal),
    },
  });
  output.commit();
  progress[Symbol.dispose]();
  translating[Symbol.dispose]();
  const signerHex = signer ? toHex(signer.publicKey) : undefined;
  if (options.json) {
    printJson({ image: directory, ...result, signer: signerHex ?? null });
    return;
  }
  for (const { library, neededBy } of result.missing)
    printLine(`note         ${neededBy} names ${library}, which this machine lacks`);
  printLine(`image        ${directory}`);
  printLine(`measurement  ${result.measurement}`);
  printLine(`signer       ${signerHex ?? 'none'}`);
  printLine(`contents     ${result.fileCount} files, ${formatBytes(result.contentBytes)}`);
  const { moduleCount, layerBytes } = result.translations;
  if (moduleCount > 0)
    printLine(`translations ${moduleCount} programs and libraries, ${formatBytes(layerBytes)}`);
  if (result.packages.length > 0) printLine(`packages     ${result.packages.join(' ')}`);
}

/** Policies of the doors: what a run could not read is refused now. */
async function policyReader(config: BuildConfig, folder: string) {
  const { policyFilesOf } = await import('../image/door-schema.ts');
  const { ImageError } = await import('../image/host-files.ts');
  const texts = new Map<string, string>();
  for (const file of policyFilesOf(config)) {
    const { readFileSync } = await import('node:fs');
    const { resolve } = await import('node:path');
    const { parsePolicy } = await import('../attest/policy.ts');
    try {
      const text = readFileSync(resolve(folder, file), 'utf8');
      parsePolicy(text);
      texts.set(file, text);
    } catch (cause) {
      const message = `policy ${file}: ${(cause as Error).message}`;
      throw new ImageError('CLOISTER_CONFIG', message, cause);
    }
  }
  return (file: string): string => texts.get(file) ?? '';
}

async function loadSigner(keyFile: string | undefined) {
  const { readFileSync } = await import('node:fs');
  const { signerFromPem } = await import('../host/image-files.ts');
  if (keyFile !== undefined) return signerFromPem(readFileSync(keyFile), keyFile);
  const { developerKey } = await import('../host/state-home.ts');
  const key = developerKey();
  if (key.isNew) process.stderr.write(`cloister: made a developer key: ${key.path}\n`);
  return signerFromPem(key.pem, key.path);
}
