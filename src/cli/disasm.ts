/** `cloister disasm PROGRAM [SYMBOL|ADDRESS]`: guest code beside its translation; nothing runs. */

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { printColumns } from './columns.ts';
import { CommandError } from './errors.ts';
import { type TrustOptions, withTrustOptions } from './options.ts';
import { printJson, printLine, reporting } from './report.ts';

interface Options extends TrustOptions {
  readonly image?: string;
  readonly list?: boolean;
  readonly ticks?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('disasm')
    .description('show the code of a function beside its translation, without running it')
    .argument('<program>', 'ELF file; with --image, its path in the image')
    .argument('[where]', 'name of a function, or 0x… in the file (default: the entry point)')
    .option('--image <DIR>', 'take the file from this image')
    .option('--list', 'list the functions instead')
    .option('--ticks', 'show what an interruption at each translated instruction restores')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  cloister disasm /usr/bin/python3 PyObject_GetAttr\n')
    .action(reporting(disasm));
  withTrustOptions(command);
}

async function disasm(path: string, where: string | undefined, options: Options): Promise<void> {
  const { ElfListing } = await import('../tools/listing.ts');
  const listing = new ElfListing(await readProgram(path, options), path);
  if (options.list) {
    const { symbols } = listing.symbols;
    if (options.json) printJson(symbols);
    else
      printColumns(
        ['ADDRESS', 'BYTES', 'NAME'],
        symbols.map(({ address, size, name }) => [`0x${address.toString(16)}`, String(size), name]),
      );
    return;
  }
  const found = listing.list(listing.find(where));
  if (options.json) {
    printJson(found);
    return;
  }
  const { listingText } = await import('../tools/listing-text.ts');
  printLine(listingText(found, { withRestarts: options.ticks === true }));
}

async function readProgram(path: string, options: Options): Promise<Uint8Array> {
  const { image: folder } = options;
  if (folder !== undefined) {
    const { openTrusted } = await import('./image-trust.ts');
    const { readImageFile } = await import('../image/inspect.ts');
    const { image, source: opened } = openTrusted(folder, options);
    using _source = opened;
    const bytes = readImageFile(image.tree, path);
    if (bytes !== undefined) return bytes;
    throw new CommandError('CLOISTER_USAGE', `${path}: ${folder} has no such file`);
  }
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CommandError('CLOISTER_USAGE', `${path}: ${(cause as Error).message}`);
  }
}
