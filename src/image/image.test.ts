import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { ImageDamage } from '../fs/verity/source.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { nodeHostFiles, signerFromPem } from '../host/image-files.ts';
import { buildImage } from './build.ts';
import { parseConfig } from './config-parse.ts';
import { ImageError } from './host-files.ts';
import { inspectFiles } from './inspect.ts';
import { type ImageTrust, openBody, openHead, openImage } from './open.ts';
import { MemoryLayout } from './testing/memory-layout.ts';
import { rootedFiles } from './testing/rooted-files.ts';
import { findPath, verifyImage } from './verify.ts';

const scratch = mkdtempSync(join(tmpdir(), 'cloister-image-'));
after(() => rmSync(scratch, { recursive: true }));

const key = () => {
  const pair = generateKeyPairSync('ed25519');
  return signerFromPem(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }), 'test key');
};
const signer = key();

/** A small machine with merged /usr, two packages, an alternative, and hard links. */
function machine(name: string): string {
  const root = join(scratch, name);
  const put = (path: string, text: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };
  put('/usr/bin/tool', '#!/bin/sh\n', 0o755);
  put('/usr/lib/libdep.so', 'not really an ELF file');
  put('/usr/share/doc/tool/README', 'documentation');
  put('/usr/bin/capable', new SeededRandom(4).bytes(9000), 0o755);
  linkSync(join(root, '/usr/bin/capable'), join(root, '/usr/bin/capable2'));
  symlinkSync('usr/bin', join(root, '/bin'));
  symlinkSync('usr/lib', join(root, '/lib'));
  mkdirSync(join(root, '/etc/alternatives'), { recursive: true });
  symlinkSync('/usr/bin/tool', join(root, '/etc/alternatives/better'));
  symlinkSync('/etc/alternatives/better', join(root, '/usr/bin/better'));
  put('/var/lib/dpkg/alternatives/better', 'auto\n/usr/bin/better\n\n/usr/bin/tool\n10\n\n');
  put(
    '/var/lib/dpkg/status',
    'Package: tool\nStatus: install ok installed\nArchitecture: amd64\n' +
      'Depends: nothere | libdep (>= 1),\n virtual\n\n' +
      'Package: libdep\nStatus: install ok installed\nArchitecture: amd64\nProvides: virtual (= 1)\n\n' +
      'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\n',
  );
  put(
    '/var/lib/dpkg/info/tool.list',
    '/.\n/bin\n/bin/tool\n/usr\n/usr/bin\n/usr/bin/capable\n/usr/bin/capable2\n' +
      '/usr/share/doc/tool/README\n/usr/bin/missing\n',
  );
  put('/var/lib/dpkg/info/libdep:amd64.list', '/.\n/lib\n/lib/libdep.so\n');
  put('/project/app/main.txt', 'hello\n');
  put('/project/app/run', 'x', 0o700);
  symlinkSync('main.txt', join(root, '/project/app/link'));
  return root;
}

const CONFIG = `
name: sample
command: [/usr/bin/tool, one]
files:
  packages: [tool]
  copy:
    - { from: app, to: /app }
  directories: [{ path: /data, mode: "0700" }]
  symlinks: { /usr/bin/alias: tool }
`;

function build(
  root: string,
  config = CONFIG,
  sign = true,
  ownerKey?: Uint8Array,
  policy = 'a policy',
) {
  const layout = new MemoryLayout();
  const result = buildImage({
    config: parseConfig(config, 'cloister.yaml'),
    baseDir: '/project',
    host: rootedFiles(nodeHostFiles, root),
    output: layout,
    crypto: nodeCrypto,
    policyText: (file) => `${policy} of ${file}`,
    ...(sign ? { signer } : {}),
    ...(ownerKey ? { encryption: { ownerKey, entropy: nodeEntropy } } : {}),
  });
  return { layout, result };
}

const open = (layout: MemoryLayout, trust: ImageTrust = { signers: [signer.publicKey] }) =>
  openImage(layout, trust, nodeCrypto);

const first = machine('first');
const { layout: good, result: built } = build(first);

test('buildImage() takes packages, dependencies, alternatives and links, not documentation', () => {
  const files = new Map([...inspectFiles(open(good).tree)].map((file) => [file.path, file]));
  assert.deepEqual(built.packages, ['libdep', 'tool']);
  assert.equal(files.get('/bin')?.target, 'usr/bin');
  assert.equal(files.get('/usr/bin/tool')?.mode, '0755');
  assert.equal(files.get('/usr/bin/better')?.target, '/etc/alternatives/better');
  assert.equal(files.get('/etc/alternatives/better')?.target, '/usr/bin/tool');
  assert.equal(files.get('/usr/lib/libdep.so')?.type, 'file');
  assert.equal(files.get('/usr/share/doc/tool/README'), undefined);
  assert.equal(files.get('/app/run')?.mode, '0755');
  assert.equal(files.get('/app/link')?.target, 'main.txt');
  assert.equal(files.get('/data')?.mode, '0700');
  assert.equal(files.get('/usr/bin/alias')?.target, 'tool');
  assert.equal(files.get('/tmp')?.mode, '1777');
});

test('buildImage() keeps hard links and extended attributes', () => {
  const { tree } = open(good);
  const one = findPath(tree, '/usr/bin/capable') as number;
  assert.equal(findPath(tree, '/usr/bin/capable2'), one);
  assert.equal(tree.stat(one).nlink, 2);
  assert.deepEqual(tree.xattrs(one)[0]?.name, 'security.capability');
  const bytes = new Uint8Array(9000);
  assert.equal(tree.read(one, 0, bytes), 9000);
  assert.deepEqual(bytes, new SeededRandom(4).bytes(9000));
});

test('buildImage() gives the same measurement in another folder and at another time', () => {
  const second = machine('second');
  for (const path of ['/project/app/main.txt', '/usr', '/usr/bin'])
    utimesSync(join(second, path), 1e9, 1e9);
  for (const path of ['/usr/bin/tool', '/usr/lib/libdep.so', '/usr/bin/capable'])
    for (const root of [first, second]) utimesSync(join(root, path), 2e9, 1.5e9);
  const again = build(first);
  assert.equal(build(second).result.measurement, again.result.measurement);
  writeFileSync(join(second, '/project/app/main.txt'), 'hullo\n');
  assert.notEqual(build(second).result.measurement, again.result.measurement);
});

test('openImage() accepts only the measurement and the signers that are trusted', () => {
  assert.equal(open(good).measurement, built.measurement);
  assert.equal(open(good, { measurement: built.measurement }).config.name, 'sample');
  const untrusted = { code: 'CLOISTER_IMAGE_UNTRUSTED' };
  assert.throws(() => open(good, { signers: [key().publicKey] }), untrusted);
  assert.throws(() => open(good, { measurement: `sha256:${'0'.repeat(64)}` }), untrusted);
  assert.throws(() => open(build(first, CONFIG, false).layout), /not signed/);
});

test('any flipped byte of an image is found, or harmless', () => {
  const want = JSON.stringify([...inspectFiles(open(good).tree)]);
  let found = 0;
  let harmless = 0;
  for (const [name, bytes] of good.files) {
    // Every byte of the small documents, every 37th of the large blobs.
    const step = bytes.length > 3000 ? 37 : 1;
    for (let at = 0; at < bytes.length; at += step) {
      bytes[at]! ^= 1 << (at % 8);
      try {
        const image = open(good);
        verifyImage(image);
        assert.equal(JSON.stringify([...inspectFiles(image.tree)]), want, `${name} byte ${at}`);
        harmless += 1;
        assert.ok(name === 'index.json' || name === 'oci-layout', `${name} byte ${at} not found`);
      } catch (error) {
        const isClear = error instanceof ImageDamage || error instanceof ImageError;
        assert.ok(isClear, `${name} byte ${at}: ${error}`);
        found += 1;
      }
      bytes[at]! ^= 1 << (at % 8);
    }
  }
  assert.ok(found > 3000, `${found} found, ${harmless} harmless`);
});

test('a truncated, emptied, missing or swapped blob is found and named', () => {
  const blobs = [...good.files.keys()].filter((name) => name.startsWith('blobs/'));
  for (const name of blobs) {
    const bytes = good.files.get(name) as Uint8Array;
    const other = good.files.get(blobs.find((b) => b !== name) as string) as Uint8Array;
    for (const bad of [bytes.subarray(0, -1), new Uint8Array(0), other, undefined]) {
      if (bad === undefined) good.files.delete(name);
      else good.files.set(name, bad);
      assert.throws(
        () => verifyImage(open(good)),
        (error: Error) => error instanceof ImageDamage && error.where.length > 0,
      );
      good.files.set(name, bytes);
    }
  }
  assert.equal(verifyImage(open(good)).fileCount, built.fileCount);
});

test('a damaged file is named by its path, and the others stay readable', () => {
  const { tree } = open(good);
  const inode = findPath(tree, '/app/main.txt') as number;
  const { blob, dataOffsetBytes } = tree.index.extent(inode);
  const bytes = good.files.get(`blobs/sha256/${tree.index.blob(blob).digest}`) as Uint8Array;
  bytes[dataOffsetBytes]! ^= 0xff;
  assert.throws(() => tree.read(inode, 0, new Uint8Array(6)), {
    code: 'CLOISTER_IMAGE_DAMAGED',
    where: '/app/main.txt',
  });
  assert.equal(tree.read(findPath(tree, '/app/run') as number, 0, new Uint8Array(9)), 1);
  bytes[dataOffsetBytes]! ^= 0xff;
});

test('buildImage() says what is missing and what to do', () => {
  const fails = (change: [string, string], message: RegExp) =>
    assert.throws(
      () => build(first, CONFIG.replace(...change)),
      (error: Error) => error instanceof ImageError && message.test(error.message),
    );
  fails(['[tool]', '[tol]'], /package tol .* not installed .*did you mean tool\?/);
  fails(['[tool]', '[gone]'], /package gone/);
  fails(['from: app', 'from: nowhere'], /\/project\/nowhere is listed in cloister.yaml/);
  fails(['/usr/bin/tool, one', '/usr/bin/other'], /program \/usr\/bin\/other is not in the image/);
  fails(['/usr/bin/tool, one', 'tool'], /absolute path; tool is none/);
});

test('an encrypted image opens with its key only, and shows nothing without it', () => {
  const ownerKey = new Uint8Array(32).fill(5);
  const { layout } = build(first, CONFIG, true, ownerKey);
  const trust = { signers: [signer.publicKey] };
  const opened = () => openImage(layout, trust, nodeCrypto, ownerKey);
  const want = JSON.stringify([...inspectFiles(open(build(first).layout).tree)]);
  assert.equal(JSON.stringify([...inspectFiles(opened().tree)]), want);
  assert.equal(verifyImage(opened()).fileCount, built.fileCount);
  assert.throws(() => openImage(layout, trust, nodeCrypto), { code: 'CLOISTER_IMAGE_KEY' });
  const wrong = new Uint8Array(32);
  assert.throws(() => openImage(layout, trust, nodeCrypto, wrong), { code: 'CLOISTER_IMAGE_KEY' });
  for (const bytes of layout.files.values())
    for (const text of ['hello\n', 'main.txt', '/usr/bin', 'libdep.so'])
      assert.equal(Buffer.from(bytes).includes(text), false, text);
  for (const [name, bytes] of layout.files) {
    if (!name.startsWith('blobs/')) continue;
    for (let at = 0; at < bytes.length; at += bytes.length > 3000 ? 101 : 3) {
      bytes[at]! ^= 1;
      assert.throws(() => verifyImage(opened()), /./, `${name} byte ${at}`);
      bytes[at]! ^= 1;
    }
  }
});

test('of an encrypted image only the chunks are read that were asked for, each checked by block', () => {
  const root = machine('lazy');
  const data = new SeededRandom(9).bytes(3 << 20);
  writeFileSync(join(root, '/project/app/big'), data);
  const ownerKey = new Uint8Array(32).fill(5);
  const { layout } = build(root, CONFIG, true, ownerKey);
  let bytesRead = 0;
  const counting = {
    readFile: (name: string) => layout.readFile(name),
    open(digest: string) {
      const blob = layout.open(digest);
      return {
        sizeBytes: blob.sizeBytes,
        readAt(offset: number, target: Uint8Array) {
          const got = blob.readAt(offset, target);
          bytesRead += got;
          return got;
        },
      };
    },
  };
  const { tree } = openImage(counting, { signers: [signer.publicKey] }, nodeCrypto, ownerKey);
  const inode = findPath(tree, '/app/big') as number;
  assert.ok(bytesRead < 256 << 10, `${bytesRead} bytes to open it and to find a file`);
  bytesRead = 0;
  const target = new Uint8Array(100);
  assert.equal(tree.read(inode, 2_000_000, target), 100);
  assert.ok(Buffer.from(target).equals(data.subarray(2_000_000, 2_000_100)));
  // The piece of 32 KiB and its path in the hash tree, in chunks of 64 KiB.
  assert.ok(bytesRead < 512 << 10, `${bytesRead} bytes for 100 of 3 MiB`);
  const blobs = [...layout.files].filter(([name]) => name.startsWith('blobs/'));
  const [, stored] = blobs.sort((a, b) => a[1].length - b[1].length).at(-1) ?? assert.fail();
  stored[stored.length >>> 1]! ^= 1;
  const broken = openImage(layout, { signers: [signer.publicKey] }, nodeCrypto, ownerKey).tree;
  const again = findPath(broken, '/app/big') as number;
  assert.equal(broken.read(again, 100_000, target), 100);
  assert.ok(Buffer.from(target).equals(data.subarray(100_000, 100_100)));
  const middle = broken.index.extent(again).dataOffsetBytes;
  const at = (stored.length >>> 1) - middle;
  assert.throws(() => broken.read(again, at - (at % 65_536), new Uint8Array(65_536)), ImageDamage);
});

test('doors are measured, with the text of their policies', () => {
  const clients = 'clients: { policy: who.yaml }';
  const doors = `${CONFIG}\ningress: { port: 443, tls: ra-tls, to: 80, ${clients} }\n`;
  const one = build(first, doors);
  assert.equal(open(one.layout).config.ingress?.[0]?.clients?.policy, 'a policy of who.yaml');
  const other = build(first, doors, true, undefined, 'another policy');
  assert.notEqual(one.result.measurement, other.result.measurement);
  assert.notEqual(one.result.measurement, built.measurement);
});

test('who has the key of an encrypted image is measured, and read without the key', () => {
  const ownerKey = new Uint8Array(32).fill(5);
  const key = `ed25519:${'1'.repeat(64)}`;
  const config = `${CONFIG}\nbroker: { key: "${key}", image_key: lab/key/image }\n`;
  const { layout } = build(first, config, true, ownerKey);
  const head = openHead(layout, {}, nodeCrypto);
  assert.deepEqual(head.keyBroker, { key, secret: 'lab/key/image' });
  assert.equal(openBody(layout, head, nodeCrypto, ownerKey).config.name, 'sample');
  for (const [name, bytes] of layout.files) {
    const at = Buffer.from(bytes).indexOf('1'.repeat(64));
    if (at < 0) continue;
    bytes[at] = 0x32;
    assert.throws(() => openHead(layout, {}, nodeCrypto), /./, name);
  }
  assert.throws(() => build(first, config, true), /build it with --encrypt-key FILE/);
});
