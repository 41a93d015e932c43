/**
 * `npm run demo`: the main job from end to end. Two owners who trust neither each other nor the
 * machine seal a table each; the machine's own python3 becomes a measured image; a key broker
 * releases the tables' keys to that image only; a changed image, recorded evidence and flipped bits
 * get nothing. Everything but the replay is typed as a person would type it.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { blobWith, filesWith, flipBit, replayEvidence } from './demo/attacks.ts';
import { ROWS, writeAccounts, writeTreatments } from './demo/tables.ts';

const ROOT = new URL('../', import.meta.url).pathname;
const CLOISTER = join(ROOT, 'bin/cloister');
const RESULT = 'matched treatments';
const SIM = '*** PROVIDER: SIM. SIMULATED EVIDENCE. IT PROTECTS NOTHING FROM THIS HOST. ***';

const OWNERS = [
  { name: 'bank', table: 'accounts.csv', write: writeAccounts },
  { name: 'hospital', table: 'treatments.csv', write: writeTreatments },
] as const;

const onTerminal = process.stdout.isTTY === true;
const bold = (text: string): string => (onTerminal ? `\x1b[1m${text}\x1b[0m` : text);
let step = 0;
const heading = (text: string): void => {
  step += 1;
  console.log(`\n${bold(`${step}. ${text}`)}`);
};

class DemoError extends Error {}

interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a person would, showing what they would see. */
function cloister(args: readonly string[], input: string | Buffer = ''): Finished {
  console.log(`$ cloister ${args.join(' ')}`);
  const run = spawnSync(CLOISTER, args, { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.error) throw run.error;
  process.stdout.write(run.stdout + run.stderr);
  return { status: run.status ?? 128, stdout: run.stdout, stderr: run.stderr };
}

function succeed(args: readonly string[], input: string | Buffer = ''): string {
  const { status, stdout } = cloister(args, input);
  if (status !== 0) throw new DemoError(`cloister ${args[0]} failed with status ${status}`);
  return stdout;
}

/** Something that an attacker tries: it must fail, and no result may show. */
function mustFail(args: readonly string[], what: string): void {
  const { status, stdout } = cloister(args);
  if (status === 0 || stdout.includes(RESULT)) throw new DemoError(`${what} was not stopped`);
  console.log(`stopped with status ${status}, and nothing came out`);
}

/** For what was shown before, or is not worth showing. Gives what it printed. */
function quietly(args: readonly string[]): string {
  const run = spawnSync(CLOISTER, args, { encoding: 'utf8' });
  if (run.status !== 0) throw new DemoError(`cloister ${args.join(' ')}: ${run.stderr}`);
  return run.stdout;
}

const asJson = <T>(args: readonly string[]): T => JSON.parse(quietly(args)) as T;

/** An owner's table into the owner's volume. */
function copyIn(owner: string, table: string): void {
  const [from, to] = [`${owner}/${table}`, `${owner}.vol:/${table}`];
  succeed(['volume', 'cp', from, to, '--key-file', `${owner}/key`]);
}

async function startBroker(): Promise<{ process: ChildProcess; url: string }> {
  const args = ['kbs', 'serve', '--listen', '127.0.0.1:0'];
  console.log(`$ cloister ${args.join(' ')} &`);
  const broker = spawn(CLOISTER, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let url = '';
  for await (const line of createInterface({ input: broker.stdout })) {
    console.log(line);
    url ||= /http:\S+/.exec(line)?.[0] ?? '';
    if (line.startsWith('broker key')) return { process: broker, url };
  }
  throw new DemoError('the key broker did not start');
}

async function main(): Promise<void> {
  const started = performance.now();
  if (!existsSync('/usr/bin/python3'))
    throw new DemoError('this machine has no /usr/bin/python3 (package python3) to seal');

  heading('Two owners seal a table each, on machines of their own');
  const keys = new Map<string, Buffer>();
  for (const { name, table, write } of OWNERS) {
    mkdirSync(name);
    const key = randomBytes(32);
    keys.set(name, key);
    writeFileSync(`${name}/key`, key, { mode: 0o600 });
    write(`${name}/${table}`);
    succeed(['volume', 'create', `${name}.vol`, '--key-file', `${name}/key`]);
    copyIn(name, table);
  }
  cpSync('bank.vol', 'old.vol');
  console.log('The bank corrects its table; a copy of the volume as it was stays with the host.');
  copyIn('bank', 'accounts.csv');
  console.log(
    `${ROWS} accounts and ${ROWS} treatments; only the sealed volumes leave their owners`,
  );

  heading('They agree on a program: python3 of this machine, unmodified, and one script');
  cpSync(join(ROOT, 'examples/joint-analysis'), 'analysis', { recursive: true });
  const { key: brokerKey } = asJson<{ key: string }>(['kbs', 'list', '--json']);
  const secrets = OWNERS.map(({ name }) => `${name}: ${name}/key/volume`).join(', ');
  appendFileSync(
    'analysis/cloister.yaml',
    `\nbroker:\n  key: ${brokerKey}\n  secrets: { ${secrets} }\n`,
  );
  process.chdir('analysis');
  succeed(['build']);
  const { measurement } = asJson<{ measurement: string }>(['inspect', 'image', '--json']);

  heading('Each gives a broker the key of its volume, for that image only, and its last commit');
  for (const { name } of OWNERS) {
    const policy = `../${name}/policy.yaml`;
    writeFileSync(
      policy,
      `format: cloister-policy/1\nname: ${name}\nproviders: {sim: }\n` +
        `images: [${measurement}]\nrequireNonce: true\nmaximumEvidenceAgeSeconds: 60\n`,
    );
    succeed(['kbs', 'policy', name, policy]);
    succeed(['kbs', 'put', `${name}/key/volume`, '--policy', name], keys.get(name));
    const stat = ['volume', 'stat', `../${name}.vol`, '--key-file', `../${name}/key`, '--json'];
    const { id, commit, commitment } = asJson<Record<string, string>>(stat);
    succeed(['kbs', 'volume', `${id}`, '--policy', name, '--commit', `${commit}:${commitment}`]);
  }
  const broker = await startBroker();
  try {
    heading('On the machine that nobody trusts: attest, get both keys, join, tell the result');
    console.log(bold(SIM));
    const nonce = randomBytes(16).toString('hex');
    const run = ['run', '--kbs', broker.url];
    const evidence = ['--evidence', '../evidence.json', '--nonce', nonce];
    const out = succeed([...run, ...evidence]);
    if (!out.includes(RESULT)) throw new DemoError('the analysis printed no result');

    heading('What ran: the evidence, appraised by whoever wants to know');
    console.log(bold(SIM));
    const policy = ['--policy', '../bank/policy.yaml', '--nonce', nonce];
    succeed(['verify', '--evidence', '../evidence.json', ...policy]);

    heading('The same analysis with one line more: another image');
    cpSync('image', '../agreed', { recursive: true });
    appendFileSync('app/analyse.py', '\n# print(balances)\n');
    quietly(['build']);
    const changed = asJson<{ measurement: string }>(['inspect', 'image', '--json']);
    console.log(`agreed   ${measurement}\nchanged  ${changed.measurement}`);
    mustFail(run, 'a changed program');

    heading('Evidence recorded in that run, played back in another session');
    console.log(await replayEvidence(broker.url, brokerKey, '../evidence.json', 'bank/key/volume'));

    heading('An old copy of the whole volume, every byte of it authentic');
    rmSync('image', { recursive: true });
    cpSync('../agreed', 'image', { recursive: true });
    cpSync('../bank.vol', '../new.vol');
    cpSync('../old.vol', '../bank.vol');
    mustFail(run, 'a rollback');
    cpSync('../new.vol', '../bank.vol');

    heading('One bit flipped in the image; then one bit in a volume');
    const script = 'Joins the tables of two owners';
    const blob = blobWith('image', script);
    console.log(
      `flipped: /app/analyse.py, byte ${flipBit(blob, (bytes) => bytes.indexOf(script))}`,
    );
    mustFail(run, 'a flipped bit in the image');
    rmSync('image', { recursive: true });
    cpSync('../agreed', 'image', { recursive: true });
    const volume = '../bank.vol';
    // The corrected table lies behind the first one, whose blocks are free now.
    const at = flipBit(volume, () => Math.floor(statSync(volume).size * 0.75));
    console.log(`flipped: bank.vol, byte ${at}`);
    mustFail(run, 'a flipped bit in a volume');

    heading('What the broker wrote down');
    succeed(['kbs', 'audit']);
    const leaks = filesWith(process.env.CLOISTER_HOME ?? '', [...keys.values()]);
    if (leaks.length > 0) throw new DemoError(`a key lies in the clear in ${leaks.join(' ')}`);
    console.log("neither key is in any of the broker's files in the clear");
  } finally {
    broker.process.kill('SIGTERM');
  }
  console.log(`\ndone in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

const folder = mkdtempSync(join(tmpdir(), 'cloister-demo-'));
process.env.CLOISTER_HOME = join(folder, 'home');
process.chdir(folder);
try {
  await main();
} catch (error) {
  if (!(error instanceof DemoError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
} finally {
  process.chdir(ROOT);
  rmSync(folder, { recursive: true, force: true });
}
