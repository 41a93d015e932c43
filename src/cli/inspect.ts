/** `cloister inspect IMAGE`: measurement, signer, configuration, files with their digests. */

import type { Command } from 'commander';
import type { InspectedFile, InspectedImage } from '../image/inspect.ts';
import { type TrustOptions, withTrustOptions } from './options.ts';
import { formatBytes, printJson, printLine, reporting } from './report.ts';

interface Options extends TrustOptions {
  readonly files?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('inspect')
    .description('show what an image is: measurement, signer, configuration, files')
    .argument('[image]', 'image folder', 'image')
    .option('--files', 'list every file with its fs-verity digest')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  cloister inspect image --files --json\n')
    .action(reporting(inspect));
  withTrustOptions(command);
}

async function inspect(path: string, options: Options): Promise<void> {
  const { openTrusted } = await import('./image-trust.ts');
  const { inspectFiles, inspectImage } = await import('../image/inspect.ts');
  const { image, source: opened } = openTrusted(path, options);
  using _source = opened;
  const about = inspectImage(image);
  const files = options.files ? [...inspectFiles(image.tree)] : undefined;
  if (options.json) {
    printJson(files === undefined ? about : { ...about, files });
    return;
  }
  render(about);
  for (const file of files ?? []) printLine(fileLine(file));
}

function render(about: InspectedImage): void {
  const { config } = about;
  printLine(`name         ${config.name}`);
  printLine(`measurement  ${about.measurement}`);
  printLine(`signers      ${about.signers.join(' ') || 'none'}`);
  printLine(`command      ${config.command.join(' ')}`);
  printLine(`entry points ${config.entryPoints.join(' ')}`);
  printLine(`user         ${config.uid}:${config.gid}   working dir ${config.workingDir}`);
  for (const [name, value] of Object.entries(config.environment.fixed))
    printLine(`environment  ${name}=${value}`);
  for (const name of config.environment.fromHost) printLine(`environment  ${name} from the host`);
  const { limits } = config;
  const memory = formatBytes(limits.memoryBytes);
  printLine(
    `limits       memory ${memory}, ${limits.processes} processes, ${limits.openFiles} files, ` +
      `cpus ${config.cpus ?? 1}`,
  );
  for (const mount of config.mounts)
    printLine(`mount        ${mount.type} ${mount.target}${mount.readOnly ? ' (read-only)' : ''}`);
  printLine(`network      ${config.network}`);
  for (const { port, to, clients } of config.ingress ?? [])
    printLine(`ingress      port ${port} to ${to}, ${clients ? 'attested clients' : 'any client'}`);
  for (const { listen, connect, freshness } of config.egress ?? [])
    printLine(`egress       ${listen} to ${connect}, evidence of the ${freshness}`);
  const allowed = Object.entries(config.overrides).filter(([, may]) => may);
  printLine(`overrides    ${allowed.map(([name]) => name).join(' ') || 'none'}`);
  printLine(`contents     ${about.fileCount} inodes, ${formatBytes(about.contentBytes)}`);
  const { translations } = about;
  printLine(
    `translations ${translations ? `${formatBytes(translations.layerBytes)}, ${translations.digest}` : 'none'}`,
  );
}

function fileLine(file: InspectedFile): string {
  const type = { directory: 'd', file: '-', symlink: 'l', special: 's' }[file.type];
  const owner = `${file.uid}:${file.gid}`.padEnd(9);
  const detail = file.digest ?? (file.target === undefined ? '' : `-> ${file.target}`);
  return `${type}${file.mode} ${owner} ${String(file.sizeBytes).padStart(10)} ${file.path} ${detail}`;
}
