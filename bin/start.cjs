/**
 * Starts Cloister: runs of programs that are not measured from the quick-start bundle
 * (scripts/quick-start.ts), all else from the modules. Plain JavaScript without dependencies: it is
 * what a small program waits for.
 *
 * The bundle is used only while everything it was made of is unchanged: by size, times and inode of
 * each file, else by content. Where it is missing or old and can be made, it is made; where not, the
 * modules serve. What V8 compiled is kept beside it, else below the state folder: nobody but who may
 * change the sources, or the user's own files, can write there. Measured runs take neither.
 */
'use strict';

const fs = require('node:fs');
const nodeModule = require('node:module');
const { join } = require('node:path');

const root = join(__dirname, '..');
const isCheckout = fs.existsSync(join(root, 'src/cli/main.ts'));
const folder = join(root, isCheckout ? 'node_modules/.cache/cloister' : 'dist/quick');
const argv = process.argv.slice(2);

// What the launcher set for Node.js alone.
if (process.env.CLOISTER_UNSET !== undefined) {
  for (const name of process.env.CLOISTER_UNSET.split(' ')) delete process.env[name];
  delete process.env.CLOISTER_UNSET;
}

/** Options of measured runs, and commands that make or use evidence. */
const MEASURED_OPTION = /^--(image|evidence|nonce|kbs|secret)/;
const MEASURED_COMMANDS = ['run', 'start', 'attest', 'kbs'];

function runsQuickly() {
  if (argv[0] !== 'run' || argv.length === 1 || process.env.CLOISTER_QUICK === '0') return false;
  const dashes = argv.indexOf('--');
  const options = argv.slice(1, dashes < 0 ? argv.length : dashes);
  return !options.some((word) => MEASURED_OPTION.test(word));
}

/** Certainly a program, not the image of a project. */
function namesProgram() {
  const dashes = argv.indexOf('--');
  return dashes < 0 ? !argv[1].startsWith('-') : dashes + 1 < argv.length;
}

/** Of every write to the file one of them tells. As in scripts/quick-start.ts, which notes them. */
function stampOf(path) {
  const { size, mtimeMs, ctimeMs, ino } = fs.statSync(`${root}/${path}`);
  return [size, mtimeMs, ctimeMs, ino];
}

function isUnchanged({ path, stamp }) {
  const stat = fs.statSync(`${root}/${path}`);
  const [size, mtimeMs, ctimeMs, ino] = stamp;
  const isSameFile = stat.ctimeMs === ctimeMs && stat.ino === ino;
  return isSameFile && stat.size === size && stat.mtimeMs === mtimeMs;
}

function isCurrent(manifest) {
  try {
    if (manifest.inputs.every(isUnchanged)) return true;
    const { createHash } = require('node:crypto');
    const sha256 = (data) => createHash('sha256').update(data).digest('hex');
    const inputs = manifest.inputs.map(({ path }) => ({ path, stamp: stampOf(path) }));
    const lines = inputs.map(
      ({ path }) => `${path} ${sha256(fs.readFileSync(join(root, path)))}\n`,
    );
    if (sha256(lines.join('')) !== manifest.digest) return false;
    // A copy of the whole tree: its own stamps from now on.
    const temporary = join(folder, `quick.json.${process.pid}.tmp`);
    try {
      fs.writeFileSync(temporary, JSON.stringify({ ...manifest, inputs }));
      fs.renameSync(temporary, join(folder, 'quick.json'));
    } catch {
      // Read-only: the digest is taken again next time.
    }
    return true;
  } catch {
    return false;
  }
}

function readManifest() {
  try {
    return JSON.parse(fs.readFileSync(join(folder, 'quick.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Makes the bundle anew; of several starts one does it, the others go on without. */
function rebuild() {
  if (!fs.existsSync(join(root, 'node_modules/esbuild'))) return undefined;
  const lock = join(folder, 'building');
  try {
    fs.mkdirSync(folder, { recursive: true });
    // Left behind by a build that was killed.
    if (Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > 60_000)
      fs.rmSync(lock, { force: true });
    fs.writeFileSync(lock, '', { flag: 'wx' });
  } catch {
    return undefined;
  }
  const { spawnSync } = require('node:child_process');
  const script = join(root, 'scripts/quick-start.ts');
  const quiet = '--disable-warning=ExperimentalWarning';
  const { status } = spawnSync(process.execPath, [quiet, script, folder], { stdio: 'ignore' });
  fs.rmSync(lock, { force: true });
  return status === 0 ? readManifest() : undefined;
}

function currentManifest() {
  const manifest = readManifest();
  if (!isCheckout || (manifest !== undefined && isCurrent(manifest))) return manifest;
  return rebuild();
}

/** Where compiled code is kept: beside the bundle, else with the user's own files. */
function compiledFolders() {
  const { env } = process;
  const state = env.XDG_STATE_HOME || join(env.HOME || '/', '.local/state');
  const home = env.CLOISTER_HOME || join(state, 'cloister');
  return [folder, home].map((place) => join(place, 'compiled'));
}

/** Lets Node.js keep what V8 compiles of the modules. */
function keepModules() {
  const { enableCompileCache, constants } = nodeModule;
  // Not in older ones.
  if (constants?.compileCacheStatus === undefined) return;
  const { FAILED } = constants.compileCacheStatus;
  for (const place of compiledFolders()) if (enableCompileCache(place).status !== FAILED) return;
}

/**
 * The value of the bundle, a function. What V8 compiled is kept by ourselves: Node.js would keep it
 * as it is before anything has run, without the functions that a run needs.
 */
function load(bundle, name) {
  const { Script } = require('node:vm');
  // ASCII; read as UTF-8 it becomes a string without a Buffer in between.
  const source = fs.readFileSync(bundle, 'utf8');
  const kept = `${name}-${process.version}`;
  let cachedData;
  for (const place of compiledFolders())
    try {
      cachedData = fs.readFileSync(join(place, kept));
      break;
    } catch {
      // Not there, or not for us.
    }
  const script = new Script(source, { filename: bundle, cachedData });
  // 2 MB that would stay until the next full collection.
  cachedData?.buffer.transfer(0);
  // V8 refuses what another version or other options have made.
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => keepScript(script, kept));
  return script.runInThisContext();
}

function keepScript(script, kept) {
  const data = script.createCachedData();
  for (const place of compiledFolders())
    try {
      fs.mkdirSync(place, { recursive: true, mode: 0o700 });
      const temporary = join(place, `${kept}.${process.pid}.tmp`);
      fs.writeFileSync(temporary, data, { mode: 0o600 });
      fs.renameSync(temporary, join(place, kept));
      return;
    } catch {
      // Read-only, or full.
    }
}

/** Stacks name the sources, not places in the bundle. */
function mapStacks(bundle) {
  let map;
  const load = () => {
    try {
      return new nodeModule.SourceMap(JSON.parse(fs.readFileSync(`${bundle}.map`, 'utf8')));
    } catch {
      return { findOrigin: () => ({}) };
    }
  };
  const show = (site) => {
    const place = `${bundle}:${site.getLineNumber()}:${site.getColumnNumber()}`;
    const text = String(site);
    if (!text.includes(place)) return text;
    map ??= load();
    const origin = map.findOrigin(site.getLineNumber(), site.getColumnNumber());
    if (origin.fileName === undefined) return text;
    const file = join(folder, origin.fileName);
    return text.replace(place, `${file}:${origin.lineNumber}:${origin.columnNumber}`);
  };
  Error.prepareStackTrace = (error, sites) =>
    [String(error), ...sites.map((site) => `    at ${show(site)}`)].join('\n');
}

function startModules(isUnmeasured) {
  if (isUnmeasured || !MEASURED_COMMANDS.includes(argv[0])) keepModules();
  return import(join(root, isCheckout ? 'src/cli/main.ts' : 'dist/cli/main.js'));
}

/** What a plain run does without as a rule, and takes 10 ms to load: loaded when it is asked. */
const LATE_MODULES = ['node:crypto'];

function requireLate(name) {
  if (!LATE_MODULES.includes(name)) return require(name);
  return new Proxy({}, { get: (_, key) => require(name)[key] });
}

function start() {
  if (!runsQuickly()) return startModules(false);
  const manifest = currentManifest();
  if (manifest === undefined) return startModules(namesProgram());
  const name = manifest.names?.[argv.includes('--mount') ? 'volume' : 'quick'];
  const bundle = join(folder, `${name}.cjs`);
  let quickRun;
  try {
    mapStacks(bundle);
    const module = { exports: {} };
    load(bundle, name)(module.exports, requireLate, module);
    ({ quickRun } = module.exports);
  } catch {
    // Replaced by a newer one just now, or this Node.js is too old for it.
    return startModules(namesProgram());
  }
  return quickRun(argv).then((done) => {
    if (done) return;
    // Not a plain run, perhaps a measured one: in a process that has loaded nothing kept. `--`: its
    // options are not for Node.js.
    const { execPath, execArgv } = process;
    process.execve(execPath, [execPath, ...execArgv, '--', __filename, ...argv], {
      ...process.env,
      CLOISTER_QUICK: '0',
    });
  });
}

start();
