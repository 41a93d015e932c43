/** `cloister volume`: sealed volumes outside of a run. */

import type { Command } from 'commander';
import type { KeySlot } from '../fs/sealed/l1-keys/header.ts';
import type { FreshnessAnchor } from '../fs/sealed/l4-store/anchor.ts';
import type { NewSlot } from '../fs/sealed/l4-store/rekey.ts';
import type { SealedFileSystem } from '../fs/sealed/l6-vfs/sealed-file-system.ts';
import { usageError } from './errors.ts';
import { formatBytes, printJson, printLine, reporting } from './report.ts';

interface KeyOptions {
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly anchor?: string;
}

interface CreateOptions extends KeyOptions {
  readonly size: string;
  readonly recipient?: readonly string[];
}

interface SlotOptions extends KeyOptions {
  readonly addKeyFile?: string;
  readonly addPassphraseFile?: string;
  readonly addRecipient?: readonly string[];
  readonly json?: boolean;
}

interface AnchorOptions extends KeyOptions {
  readonly to: string;
}

interface RekeyOptions extends KeyOptions {
  readonly newKeyFile?: string;
  readonly newPassphraseFile?: string;
  readonly newRecipient?: readonly string[];
}

const STATUS =
  '\nExit status: 0 all is well, 2 wrong use, 3 damaged, 4 wrong key, 5 not fresh, 1 other errors.\n';

export function register(program: Command): void {
  const volume = program
    .command('volume')
    .description('create, check, list, copy, unlock, rekey, anchor sealed volumes')
    .addHelpText(
      'after',
      `${STATUS}\nExample:\n  cloister volume create data.vol --key-file key\n`,
    );
  const command = (name: string, description: string, example: string): Command =>
    volume
      .command(name)
      .description(description)
      .option('--key-file <file>', 'volume key: 32 bytes, 64 hexadecimal digits, or X25519 in PEM')
      .option('--passphrase-file <file>', 'file with the recovery passphrase')
      .option('--anchor <place>', 'freshness anchor: tpm:PLACE, or a file beyond reach of the host')
      .addHelpText('after', `${STATUS}\nExample:\n  cloister volume ${example}\n`);
  command('create <volume>', 'make a new volume', 'create data.vol --key-file key')
    .option('--size <size>', 'largest size', '64GiB')
    .option('--recipient <key...>', 'X25519 public keys whose holders open it: x25519:HEX or PEM')
    .action(reporting(create));
  command(
    'check <volume>',
    'read everything and report; changes nothing',
    'check data.vol --key-file key',
  )
    .option('--json', 'print as JSON')
    .action(reporting(check));
  command('ls <volume[:/path]>', 'list files', 'ls data.vol:/dir --key-file key')
    .option('-l, --long', 'with mode, owner, size and time')
    .action(reporting(list));
  command(
    'cp <source> <target>',
    'copy into or out of a volume; - is a stream',
    'cp -r in data.vol:/in --key-file key',
  )
    .option('-r, --recursive', 'copy folders')
    .action(reporting(copy));
  command(
    'rekey <volume>',
    'new keys for the volume, without rewriting it',
    'rekey data.vol --key-file old --new-key-file new',
  )
    .option('--new-key-file <file>', 'key of the new key slot')
    .option('--new-passphrase-file <file>', 'passphrase of a new recovery slot')
    .option('--new-recipient <key...>', 'X25519 public keys of new slots: x25519:HEX or PEM')
    .action(reporting(rekeyVolume));
  command(
    'slots <volume>',
    'list the key slots, or add some',
    'slots data.vol --key-file key --add-recipient enclave.pem',
  )
    .option('--add-key-file <file>', 'one more key')
    .option('--add-passphrase-file <file>', 'one more recovery passphrase')
    .option('--add-recipient <key...>', 'X25519 public keys: x25519:HEX or PEM')
    .option('--json', 'print as JSON')
    .action(reporting(slots));
  command(
    'anchor <volume>',
    'give the volume another freshness anchor',
    'anchor data.vol --key-file key --to tpm:/dev/tpmrm0',
  )
    .requiredOption('--to <place>', 'the new anchor; with --anchor the old one is asked first')
    .action(reporting(changeAnchor));
  command(
    'stat <volume>',
    'show size, use, key slots and freshness',
    'stat data.vol --key-file key',
  )
    .option('--json', 'print as JSON')
    .action(reporting(stat));
  volume
    .command('receipts <volume>')
    .description("check the key broker's receipts of the commits that runs made")
    .requiredOption('--kbs-key <key>', 'key of the broker, ed25519:…')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      `${STATUS}\nExample:\n  cloister volume receipts data.vol --kbs-key ed25519:…\n`,
    )
    .action(
      reporting(async (path: string, options: { kbsKey: string; json?: boolean }) => {
        const { receipts } = await import('./volume-receipts.ts');
        await receipts(path, options);
      }),
    );
}

async function wrong(message: string): Promise<never> {
  throw usageError(message);
}

/** What opens slots and makes slots, with the name of a slot that it makes. */
async function makersOf(
  keyFile?: string,
  passphraseFile?: string,
  recipients: readonly string[] = [],
): Promise<NewSlot[]> {
  const { passphrase, readPassphraseFile } = await import('../host/volume-file.ts');
  const { readRecipient, readSecretFile, recipient } = await import('../host/volume-secret.ts');
  const { nodeEntropy } = await import('../host/crypto.ts');
  const { SLOT_TYPE } = await import('../fs/sealed/l1-keys/header.ts');
  const made: NewSlot[] = [];
  if (keyFile !== undefined) {
    const maker = readSecretFile(keyFile);
    made.push({ name: maker.type === SLOT_TYPE.key ? 'key' : 'recipient', maker });
  }
  if (passphraseFile !== undefined) {
    const words = readPassphraseFile(passphraseFile);
    made.push({ name: 'passphrase', maker: passphrase(words, nodeEntropy) });
  }
  for (const text of recipients)
    made.push({ name: 'recipient', maker: recipient(readRecipient(text)) });
  return made;
}

async function contextOf(path: string, mode: 'create' | 'read' | 'write', anchor?: string) {
  const { VolumeFile } = await import('../host/volume-file.ts');
  const { localAnchor } = await import('./anchors.ts');
  const { nodeCrypto, nodeEntropy } = await import('../host/crypto.ts');
  const { RealFileClock } = await import('../vfs/file-clock.ts');
  const clock = new RealFileClock({
    realtimeNs: () => BigInt(Date.now()) * 1_000_000n,
  });
  const host = new VolumeFile(path, mode);
  const kept = anchor === undefined ? undefined : await localAnchor(anchor);
  const context = {
    host,
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    name: path,
    ...(kept === undefined ? {} : { anchor: kept }),
  };
  const done = () => {
    kept?.[Symbol.dispose]?.();
    host[Symbol.dispose]();
  };
  return { context, clock, host, anchor: kept, [Symbol.dispose]: done };
}

/** Opens, works, makes the work durable, closes. */
async function withVolume(
  path: string,
  mode: 'read' | 'write',
  options: KeyOptions,
  work: (fs: SealedFileSystem, anchor: FreshnessAnchor | undefined) => Promise<void> | void,
): Promise<void> {
  const { openVolume } = await import('../fs/sealed/volume.ts');
  const [opener] = await makersOf(options.keyFile, options.passphraseFile);
  if (opener === undefined) return wrong('give --key-file or --passphrase-file');
  using opened = await contextOf(path, mode, options.anchor);
  const { context, clock, anchor } = opened;
  let problem: Error | undefined;
  const fs = openVolume(context, {
    ...{ clock, secret: opener.maker },
    isReadOnly: mode === 'read',
    onProblem: (first) => {
      problem ??= first;
    },
  });
  try {
    await work(fs, anchor);
  } catch (error) {
    // Of damage the work has seen an errno, the volume knows where it is.
    throw problem ?? error;
  }
  if (mode === 'write') close(fs);
}

/** Makes everything durable, and later damage to it recognisable. Throws VolumeError. */
function close(fs: SealedFileSystem): void {
  fs.commit();
  fs.store.close();
}

/** "VOL:/path" → volume and path; undefined path when there is no colon. */
function splitPlace(place: string): { volume: string; path: string | undefined } {
  const colon = place.indexOf(':/');
  return colon < 0
    ? { volume: place, path: undefined }
    : { volume: place.slice(0, colon), path: place.slice(colon + 1) };
}

async function create(path: string, options: CreateOptions): Promise<void> {
  const { rmSync } = await import('node:fs');
  const { parseSize } = await import('../image/config-schema.ts');
  const { createVolume } = await import('../fs/sealed/volume.ts');
  const sizeBytes = parseSize(options.size);
  if (sizeBytes === undefined) return wrong(`--size ${options.size} is no size such as 64GiB`);
  const { keyFile, passphraseFile } = options;
  const slots = await makersOf(keyFile, passphraseFile, options.recipient);
  if (slots.length === 0)
    return wrong('give --key-file, --passphrase-file or --recipient, or several');
  using opened = await contextOf(path, 'create', options.anchor);
  const { context, clock, host, anchor } = opened;
  try {
    close(createVolume(context, { sizeBytes, slots, clock }));
  } catch (error) {
    rmSync(host.path, { force: true });
    throw error;
  }
  printLine(`made volume ${path}: at most ${formatBytes(sizeBytes)}`);
  if (anchor !== undefined) await tellAnchor(anchor);
}

/** A TPM that was taken as it was: whether it is a TPM at all, its maker's certificate tells. */
async function tellAnchor(anchor: FreshnessAnchor): Promise<void> {
  const { keyText } = anchor as { keyText?: string };
  printLine(
    `anchor       ${anchor.name}${keyText === undefined ? '' : `, endorsement key ${keyText}`}`,
  );
}

async function check(path: string, options: KeyOptions & { json?: boolean }): Promise<void> {
  const { checkVolume } = await import('../fs/sealed/check.ts');
  await withVolume(path, 'read', options, (fs) => {
    const report = checkVolume(fs.store);
    const isWell = report.problems.length === 0;
    if (!isWell) process.exitCode = 3;
    if (options.json) {
      const { remark } = fs.store;
      printJson({ ok: isWell, freshness: freshness(fs), remark, ...report });
      return;
    }
    if (fs.store.remark !== undefined) printLine(`remark       ${fs.store.remark}`);
    for (const problem of report.problems) printLine(`problem      ${problem}`);
    printLine(isWell ? `${path}: all is well` : `${path}: damaged`);
    printLine(`contents     ${report.inodeCount} inodes, ${report.cellCount} cells`);
    printLine(`freshness    ${freshness(fs)}`);
  });
}

function freshness({ store }: SealedFileSystem): string {
  const { generation, anchoredGeneration } = store;
  if (anchoredGeneration === undefined)
    return `commit ${generation}; not checked: no anchor was given`;
  if (generation === anchoredGeneration) return `commit ${generation}, as the anchor says`;
  return (
    `commit ${generation}, later than the anchor (${anchoredGeneration}): written without it, or a ` +
    'crash kept it from moving'
  );
}

async function list(place: string, options: KeyOptions & { long?: boolean }): Promise<void> {
  const { existsSync } = await import('node:fs');
  const { volume, path = '/' } = splitPlace(place);
  const colon = volume.lastIndexOf(':');
  if (colon > 0 && !existsSync(volume) && existsSync(volume.slice(0, colon)))
    return wrong(`${place}: a path in a volume begins with /, as in ${volume.slice(0, colon)}:/`);
  const { expect, findInode, namesOf, refusal } = await import('./volume-copy.ts');
  const { toText } = await import('../vfs/byte-string.ts');
  await withVolume(volume, 'read', options, async (fs) => {
    const dir = findInode(fs.root, path);
    if (dir === undefined) throw refusal(`${path}: no such file in the volume`);
    const names = dir.isDirectory ? namesOf(dir) : undefined;
    for (const name of names ?? [path]) {
      const inode = names === undefined ? dir : expect(dir.lookup(name), path);
      if (typeof inode === 'number') continue;
      // A name may be anything: it does not steer the terminal.
      const shown = (names === undefined ? path : toText(name)).replace(/\p{Cc}/gu, '?');
      if (!options.long) printLine(shown);
      else {
        const mode = inode.mode.toString(8).padStart(6, '0');
        const time = new Date(inode.mtimeSec * 1000).toISOString().slice(0, 19);
        printLine(`${mode} ${inode.uid}:${inode.gid} ${inode.size} ${time} ${shown}`);
      }
    }
  });
}

async function copy(
  source: string,
  target: string,
  options: KeyOptions & { recursive?: boolean },
): Promise<void> {
  const from = splitPlace(source);
  const to = splitPlace(target);
  const isRecursive = options.recursive === true;
  if ((from.path === undefined) === (to.path === undefined))
    return wrong('one of source and target is VOLUME:/path, the other a host file or -');
  const skip = (path: string, why: string): void => {
    process.stderr.write(`cloister: ${path} is not copied: ${why}\n`);
    process.exitCode = 1;
  };
  if (to.path !== undefined) {
    const { path } = to;
    const { copyIn } = await import('./volume-copy-in.ts');
    const { volumePath } = await import('../host/volume-file.ts');
    const all = { isRecursive, skip, self: volumePath(to.volume) };
    await withVolume(to.volume, 'write', options, (fs) => copyIn(fs.root, source, path, all));
  } else {
    const path = from.path as string;
    const { copyOut } = await import('./volume-copy-out.ts');
    await withVolume(from.volume, 'read', options, (fs) =>
      copyOut(fs.root, path, target, { isRecursive, skip }),
    );
  }
}

async function rekeyVolume(path: string, options: RekeyOptions): Promise<void> {
  const { rekey } = await import('../fs/sealed/l4-store/rekey.ts');
  const { nodeEntropy } = await import('../host/crypto.ts');
  const { newKeyFile, newPassphraseFile, newRecipient } = options;
  const slots = await makersOf(newKeyFile, newPassphraseFile, newRecipient);
  if (slots.length === 0)
    return wrong('give --new-key-file, --new-passphrase-file or --new-recipient, or several');
  await withVolume(path, 'write', options, (fs, anchor) => {
    rekey(fs.store, nodeEntropy, slots);
    // Who knew an old key may know the secret of an index in a TPM: another one takes its place.
    if (anchor?.establish !== undefined) fs.store.establishAnchor(anchor);
  });
  const set = slots.map(({ name }) => name).join(' and ');
  printLine(`${path}: ${set} set; the old keys open it no more`);
  printLine('copies of the volume that were made before stay open to the old keys');
}

async function slots(path: string, options: SlotOptions): Promise<void> {
  const { addSlots } = await import('../fs/sealed/l4-store/rekey.ts');
  const { nodeEntropy } = await import('../host/crypto.ts');
  const { addKeyFile, addPassphraseFile, addRecipient } = options;
  const added = await makersOf(addKeyFile, addPassphraseFile, addRecipient);
  await withVolume(path, added.length > 0 ? 'write' : 'read', options, ({ store }) => {
    if (added.length > 0) addSlots(store, nodeEntropy, added);
    const shown = store.unlocked.header.slots.map(describeSlot);
    if (options.json) printJson({ slots: shown });
    else for (const { name, type, key } of shown) printLine([name, type, key].join('  ').trimEnd());
  });
}

/** Of a slot for a recipient, whose. */
function describeSlot({ name, type, parameters }: KeySlot) {
  const types = ['', 'key', 'passphrase', 'hpke'];
  const key = type === 3 ? `x25519:${Buffer.from(parameters.subarray(0, 32)).toString('hex')}` : '';
  return { name, type: types[type] ?? `type ${type}`, key };
}

async function changeAnchor(path: string, options: AnchorOptions): Promise<void> {
  const { localAnchor } = await import('./anchors.ts');
  const next = await localAnchor(options.to);
  try {
    await withVolume(path, 'write', options, (fs) => fs.store.establishAnchor(next));
    if (options.anchor === undefined)
      printLine('not checked: without --anchor nothing says that this is the last commit');
    await tellAnchor(next);
  } finally {
    next[Symbol.dispose]?.();
  }
}

async function stat(path: string, options: KeyOptions & { json?: boolean }): Promise<void> {
  await withVolume(path, 'read', options, (fs) => {
    const { space, unlocked, generation, fileCount } = fs.store;
    const about = {
      id: Buffer.from(unlocked.header.volumeId).toString('hex'),
      limitBytes: space.limit * 4096,
      usedBytes: space.state.used * 4096,
      inodes: fileCount,
      commit: generation,
      commitment: Buffer.from(fs.store.commitment).toString('hex'),
      keyEpoch: unlocked.ring.current,
      slots: unlocked.header.slots.map((slot) => slot.name),
      freshness: freshness(fs),
    };
    if (options.json) {
      printJson(about);
      return;
    }
    printLine(`volume       ${about.id}`);
    printLine(`used         ${formatBytes(about.usedBytes)} of ${formatBytes(about.limitBytes)}`);
    printLine(`inodes       ${about.inodes}`);
    printLine(`key slots    ${about.slots.join(', ')} (data key epoch ${about.keyEpoch})`);
    printLine(`freshness    ${about.freshness}`);
    printLine(`commitment   ${about.commitment}`);
  });
}
