/**
 * `cloister verify IMAGE`: reads every byte of an image and checks all of it.
 * `cloister verify --evidence FILE --policy FILE`: appraises evidence.
 */

import type { Command } from 'commander';
import { type TrustOptions, withTrustOptions } from './options.ts';
import { formatBytes, Progress, printJson, printLine, reporting } from './report.ts';

interface Options extends TrustOptions {
  readonly json?: boolean;
  readonly evidence?: string;
  readonly policy?: string;
  readonly nonce?: string;
  readonly collateral?: string;
  readonly time?: string;
}

export function register(program: Command): void {
  const command = program
    .command('verify')
    .description('check a whole image, every byte of it; or evidence against a policy')
    .argument('[image]', 'image folder', 'image')
    .option('--evidence <file>', 'appraise this evidence instead (cloister attest made it)')
    .option('--policy <file>', 'with --evidence: the policy that it must meet')
    .option('--nonce <hex>', 'with --evidence: the challenge that it must answer')
    .option('--collateral <file>', 'with --evidence: TCB info, QE identity and CRLs, as one bundle')
    .option('--time <time>', 'with --evidence: appraise at this time (default: now)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 all is well, 3 damaged, 4 not trusted, 1 other errors.\n' +
        '\nExamples:\n  cloister verify image --signer release.pub\n' +
        '  cloister verify --evidence evidence.json --policy policy.yaml --nonce c0ffee\n',
    )
    .action(reporting(verify));
  withTrustOptions(command);
}

async function verify(path: string, options: Options): Promise<void> {
  const { evidence } = options;
  if (evidence !== undefined) {
    const { verifyEvidence } = await import('./verify-evidence.ts');
    return verifyEvidence({ ...options, evidence });
  }
  const { openTrusted } = await import('./image-trust.ts');
  const { openTranslations } = await import('../image/open.ts');
  const { zstd } = await import('../host/compression.ts');
  const { nodeCrypto } = await import('../host/crypto.ts');
  const { toHex } = await import('../image/canonical-json.ts');
  const { verifyImage } = await import('../image/verify.ts');
  const { image, source: opened } = openTrusted(path, options);
  using _source = opened;
  using progress = new Progress('checking files');
  const result = verifyImage(image, ({ filesDone, filesTotal }) =>
    progress.update(filesDone, filesTotal),
  );
  openTranslations(image, nodeCrypto, zstd, () => undefined)?.verify();
  progress[Symbol.dispose]();
  const names = image.signers.map(toHex);
  if (options.json) {
    printJson({ ok: true, measurement: image.measurement, signers: names, ...result });
    return;
  }
  printLine(`${path}: every byte is as measured`);
  printLine(`measurement  ${image.measurement}`);
  printLine(`signers      ${names.join(' ') || 'none'}`);
  printLine(`contents     ${result.fileCount} files, ${formatBytes(result.contentBytes)}`);
}
