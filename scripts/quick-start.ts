/**
 * `npm run quick-start [FOLDER]`: builds the quick-start bundle, all that `cloister run PROGRAM`
 * loads in one file of JavaScript, so that a start neither finds, reads nor strips hundreds of
 * modules. Runs after `npm ci`, again when a source has changed (bin/start.cjs sees to it), and for
 * the package.
 *
 * FOLDER (default: node_modules/.cache/cloister) gets `quick-DIGEST.cjs`, `volume-DIGEST.cjs` for runs
 * with sealed volumes, their source maps, and `quick.json`, which names them and all that they were
 * made of. Files appear whole or not at all:
 * several builds may run at once.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Plugin } from 'esbuild';

const ROOT = new URL('../', import.meta.url).pathname;

/** What a quick run needs is in the bundle; a dynamic import leads to what it does not need. */
const noDynamicImports: Plugin = {
  name: 'no-dynamic-imports',
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, namespace: 'left-out' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of the quick start`)});`,
    }));
  },
};

/** Bundles: of plain runs, and of those that have sealed volumes too. */
const ENTRIES = { quick: 'src/cli/quick-run.ts', volume: 'src/cli/quick-volume-run.ts' };

/** Besides what is bundled, the bundle depends on these. */
const MAKERS = ['package-lock.json', 'scripts/quick-start.ts'];
/** Two writes closer together may carry the same time. */
const CLOCK_GRAIN_MS = 20;

/** Of every write to the file one of them tells. As in bin/start.cjs, which compares. */
function stampOf(path: string): readonly number[] {
  const { size, mtimeMs, ctimeMs, ino } = statSync(join(ROOT, path));
  return [size, mtimeMs, ctimeMs, ino];
}

const digestOf = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex');

export async function buildQuickStart(folder: string): Promise<void> {
  const { build } = await import('esbuild');
  const startedMs = Date.now();
  const result = await build({
    entryPoints: Object.entries(ENTRIES).map(([out, file]) => ({ in: join(ROOT, file), out })),
    ...{ absWorkingDir: ROOT, outdir: folder, write: false, metafile: true },
    ...{ bundle: true, platform: 'node', target: 'node26', format: 'cjs', charset: 'ascii' },
    // Names stay: they are what a stack shows. Nor does an uncaught error print one endless line.
    ...{ minifyWhitespace: true, minifySyntax: true, legalComments: 'none', lineLimit: 160 },
    ...{ sourcemap: 'external', sourcesContent: false, logLevel: 'error' },
    // A function that bin/start.cjs calls.
    ...{ banner: { js: '(function (exports, require, module) {' }, footer: { js: '})' } },
    plugins: [noDynamicImports],
  });
  const bundled = Object.keys(result.metafile.inputs).filter((path) => !path.includes(':'));
  const paths = [...bundled, ...MAKERS].sort();
  const inputs = paths.map((path) => ({ path, stamp: stampOf(path) }));
  const contents = paths.map((path) => `${path} ${digestOf(readFileSync(join(ROOT, path)))}\n`);
  // Nothing was written since the build began, so what it read is what the digests are of.
  if (paths.some((path) => statSync(join(ROOT, path)).ctimeMs > startedMs - CLOCK_GRAIN_MS))
    throw new Error('a source was written while the quick start was built');
  const output = (file: string): string =>
    result.outputFiles.find(({ path }) => basename(path) === file)?.text ?? '';
  const names: Record<string, string> = {};
  mkdirSync(folder, { recursive: true });
  const put = (file: string, content: string): void => {
    const temporary = join(folder, `${file}.${process.pid}.tmp`);
    writeFileSync(temporary, content);
    renameSync(temporary, join(folder, file));
  };
  for (const entry of Object.keys(ENTRIES)) {
    const code = output(`${entry}.js`);
    const name = `${entry}-${digestOf(code).slice(0, 32)}`;
    put(`${name}.cjs`, code);
    put(`${name}.cjs.map`, output(`${entry}.js.map`));
    names[entry] = name;
  }
  put('quick.json', JSON.stringify({ names, digest: digestOf(contents.join('')), inputs }));
  const old = (file: string): boolean =>
    /^(quick|volume)-/.test(file) && !Object.values(names).some((name) => file.startsWith(name));
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (old(basename(file))) rmSync(join(folder, file), { force: true });
}

/**
 * A first run of something that does a little of everything: what the compiler makes of the code it
 * uses is kept for all later ones (bin/start.cjs). Where nothing can run, the first run does it.
 */
function warmUp(): void {
  const home = mkdtempSync(join(tmpdir(), 'cloister-warm-'));
  const script = 'cd /etc && ls -l | cat | wc -l; (exit 3); : < /dev/null; echo $$ $(cat hostname)';
  const cloister = (...args: string[]): unknown =>
    spawnSync(join(ROOT, 'bin/cloister'), args, {
      ...{ cwd: home, stdio: 'ignore', timeout: 30_000 },
      env: { ...process.env, CLOISTER_HOME: home },
    });
  cloister('run', '--', '/bin/sh', '-c', script);
  writeFileSync(join(home, 'key'), new Uint8Array(32));
  cloister('volume', 'create', 'data.vol', '--key-file', 'key');
  const mount = 'type=sealed,source=data.vol,target=/data,key-file=key';
  const touch = 'cd /data && head -c 100000 /bin/sh >a && mv a b && cat b | wc -c && ls -l && rm b';
  cloister('run', '--mount', mount, '--', '/bin/sh', '-c', `${script}; ${touch}`);
  rmSync(home, { recursive: true, force: true });
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  await buildQuickStart(resolve(folder ?? join(ROOT, 'node_modules/.cache/cloister')));
  if (folder === undefined) warmUp();
}
