/** The quick start (bin/start.cjs), in a copy of this checkout: never stale, never needed. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const CHECKOUT = new URL('../../', import.meta.url).pathname;
const copy = mkdtempSync(join(tmpdir(), 'cloister-start-'));
const cache = join(copy, 'node_modules/.cache/cloister');
after(() => rmSync(copy, { recursive: true, force: true }));

for (const name of ['bin', 'src', 'scripts', 'package.json', 'package-lock.json'])
  cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
mkdirSync(join(copy, 'node_modules'));
for (const name of readdirSync(join(CHECKOUT, 'node_modules')))
  if (!name.startsWith('.'))
    symlinkSync(join(CHECKOUT, 'node_modules', name), join(copy, 'node_modules', name));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function cloister(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(join(copy, 'bin/cloister'), args, {
    env: { ...process.env, CLOISTER_HOME: join(copy, 'home'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome = { status: null, stdout: '', stderr: '' } as {
    -readonly [K in keyof Outcome]: Outcome[K];
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text));
  [outcome.status] = (await once(child, 'close')) as [number | null];
  return outcome;
}

const MISSING = ['run', '--', '/no/such/program'];
const bundles = () => readdirSync(cache).filter((name) => name.endsWith('.cjs'));
const saying = (prefix: string): Outcome => ({
  status: 127,
  stdout: '',
  stderr: `${prefix}/no/such/program: No such file or directory\n`,
});

/** Changes what errors begin with; as long as before, so that only content and times tell. */
function rename(from: string, to: string): void {
  const path = join(copy, 'src/cli/report.ts');
  const text = readFileSync(path, 'utf8');
  assert.ok(text.includes(`\`${from}\${line}`) && from.length === to.length);
  writeFileSync(path, text.replace(`\`${from}\${line}`, `\`${to}\${line}`));
}

test('several first starts at once build one bundle of each kind, and all run', async () => {
  const runs = await Promise.all([1, 2, 3].map(() => cloister(MISSING)));
  for (const run of runs) assert.deepEqual(run, saying('cloister: '));
  assert.equal(bundles().length, 2);
  assert.ok(!existsSync(join(cache, 'building')));
  // What parses command lines, and the like, is for the modules: it would cost more than it does.
  const { inputs } = JSON.parse(readFileSync(join(cache, 'quick.json'), 'utf8'));
  const foreign = inputs.filter(({ path }: { path: string }) => path.includes('node_modules/'));
  assert.deepEqual(foreign, []);
  // Attestation and TLS are for measured images.
  const attested = /^src\/(attest|kbs|tee|runtime\/front|host\/tls-host)/;
  const ofOthers = inputs.filter(({ path }: { path: string }) => attested.test(path));
  assert.deepEqual(ofOthers, []);
  const tools = inputs.filter(({ path }: { path: string }) => path.startsWith('src/tools/'));
  assert.deepEqual(tools, []);
});

test('a changed source is seen by the next start', async () => {
  const before = bundles();
  rename('cloister: ', 'cloisteR: ');
  assert.deepEqual(await cloister(MISSING), saying('cloisteR: '));
  assert.equal(bundles().length, 2);
  assert.notDeepEqual(bundles(), before);
  assert.deepEqual(await cloister(MISSING), saying('cloisteR: '));
});

test('where no bundle can be made the modules serve', async () => {
  const esbuild = join(copy, 'node_modules/esbuild');
  rmSync(esbuild);
  rename('cloisteR: ', 'CloisteR: ');
  assert.deepEqual(await cloister(MISSING), saying('CloisteR: '));
  symlinkSync(join(CHECKOUT, 'node_modules/esbuild'), esbuild);
  assert.deepEqual(await cloister(MISSING), saying('CloisteR: '));
});

test('a tree with other times is recognised by its content', async () => {
  const before = bundles();
  const path = join(copy, 'src/cli/report.ts');
  const manifest = () => readFileSync(join(cache, 'quick.json'), 'utf8');
  const noted = manifest();
  writeFileSync(path, readFileSync(path));
  assert.deepEqual(await cloister(MISSING), saying('CloisteR: '));
  assert.deepEqual(bundles(), before);
  assert.notEqual(manifest(), noted);
});

test('a bundle or manifest that is gone or damaged does no harm', async () => {
  for (const name of bundles()) rmSync(join(cache, name));
  assert.deepEqual(await cloister(MISSING), saying('CloisteR: '));
  writeFileSync(join(cache, 'quick.json'), '{"name":');
  assert.deepEqual(await cloister(MISSING), saying('CloisteR: '));
  assert.equal(bundles().length, 2);
});

test('a bug keeps a stack that names the sources', async () => {
  const path = join(copy, 'src/cli/run-command.ts');
  const text = readFileSync(path, 'utf8');
  const line = '  const request = toRequest(command, options);';
  assert.ok(text.includes(line));
  writeFileSync(path, text.replace(line, `  throw new TypeError('a bug');\n${line}`));
  const { status, stderr } = await cloister(MISSING);
  writeFileSync(path, text);
  const at = text.slice(0, text.indexOf(line)).split('\n').length;
  assert.equal(status, 125);
  assert.match(stderr, /^CloisteR: TypeError: a bug\n/);
  assert.match(stderr, new RegExp(`at assemble \\(.*/src/cli/run-command\\.ts:${at}:\\d+\\)`));
});

test('measured runs, and what is not plain, never meet the bundle', async () => {
  assert.deepEqual(await cloister(MISSING), saying('CloisteR: '));
  for (const name of bundles()) {
    const whole = readFileSync(join(cache, name), 'utf8');
    const [kind] = name.split('-');
    writeFileSync(join(cache, name), `process.stderr.write('${kind} bundle\\n');${whole}`);
  }
  const bundled = async (args: readonly string[], kind = '') =>
    (await cloister(args)).stderr.includes(`${kind} bundle\n`);
  assert.equal(await bundled(MISSING, 'quick'), true);
  const mounted = [
    'run',
    '--mount',
    `type=sealed,source=${copy}/vol,target=/d,key-file=${copy}/key`,
  ];
  assert.equal(await bundled([...mounted, '--', 'x'], 'volume'), true);
  assert.equal(await bundled([...mounted, '--image', '/no/image', '--', 'x']), false);
  assert.equal(await bundled(['run', '--image', '/no/image', '--', 'x']), false);
  assert.equal(await bundled(['run']), false);
  // Another spelling: the bundle hands over to a process of its own.
  const other = await cloister(['run', '--workdir=/', '--', '/no/such/program']);
  assert.equal(other.stderr, `quick bundle\n${saying('CloisteR: ').stderr}`);
  assert.equal(other.status, 127);
});

test('a run with a volume gives what it gives from the modules', async () => {
  writeFileSync(join(copy, 'key'), new Uint8Array(32).fill(9));
  const anchor = join(copy, 'anchor');
  for (const [name, options] of [
    ['plain.vol', []],
    ['anchored.vol', ['--anchor', anchor]],
  ] as const) {
    const volume = join(copy, name);
    await cloister(['volume', 'create', volume, '--key-file', join(copy, 'key'), ...options]);
    const fields = ['type=sealed', `source=${volume}`, 'target=/d', `key-file=${copy}/key`];
    if (options.length > 0) fields.push(`anchor=${anchor}`);
    for (const [quick, stdout] of [
      ['0', '0\n'],
      ['1', '0\n1\n'],
    ] as const) {
      const command = ['/bin/sh', '-c', `echo ${quick} >>/d/f && cat /d/f`];
      const run = await cloister(['run', '--mount', fields.join(','), '--', ...command], {
        CLOISTER_QUICK: quick,
      });
      // The test before has marked the bundles.
      const stderr = quick === '1' ? 'volume bundle\n' : '';
      assert.deepEqual(run, { status: 0, stdout, stderr }, name);
    }
  }
});
