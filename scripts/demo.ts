/**
 * `npm run demo`: the main job from end to end. Two owners' tables and the machine's own python3
 * become a measured image; it runs; what ran is attested; a flipped byte stops it.
 */

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../src/base/random.ts';

const ROOT = new URL('../', import.meta.url).pathname;
const CLOISTER = join(ROOT, 'bin/cloister');
const ROWS = 100_000;

const onTerminal = process.stdout.isTTY === true;
const bold = (text: string): string => (onTerminal ? `\x1b[1m${text}\x1b[0m` : text);
let step = 0;
const heading = (text: string): void => {
  step += 1;
  console.log(`\n${bold(`${step}. ${text}`)}`);
};

interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a person would, showing what they would see. */
function cloister(args: readonly string[], cwd: string, show = true): Finished {
  if (show) console.log(`$ cloister ${args.join(' ')}`);
  const run = spawnSync(CLOISTER, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.error) throw run.error;
  if (show) process.stdout.write(run.stdout + run.stderr);
  return { status: run.status ?? 128, stdout: run.stdout, stderr: run.stderr };
}

function expectSuccess(finished: Finished, what: string): Finished {
  if (finished.status === 0) return finished;
  console.error(`demo: ${what} failed with status ${finished.status}`);
  process.exit(1);
}

/** Two tables of realistic size about overlapping people: the same bytes in every run. */
function writeTables(folder: string): void {
  const random = new SeededRandom(2026);
  const branches = ['harbour', 'market', 'old-town', 'station'];
  const accounts = Array.from({ length: ROWS }, (_, i) => {
    const balance = random.below(4_000_000) - 200_000;
    return `p${String(i * 3).padStart(7, '0')},${random.pick(branches)},${balance}`;
  });
  const treatments = Array.from({ length: ROWS }, () => {
    const person = `p${String(random.below(ROWS * 3)).padStart(7, '0')}`;
    return `${person},${random.pick(['x-ray', 'surgery', 'dental'])},${random.below(900_000)}`;
  });
  for (const [owner, name, header, rows] of [
    ['bank', 'accounts.csv', 'person,branch,balance_cents', accounts],
    ['hospital', 'treatments.csv', 'person,kind,cost_cents', treatments],
  ] as const) {
    mkdirSync(join(folder, 'data', owner), { recursive: true });
    writeFileSync(join(folder, 'data', owner, name), `${header}\n${rows.join('\n')}\n`);
  }
}

/** Flips one bit of the bank's table inside the image: what an attacker with the disk could do. */
function flipOneBit(image: string): string {
  const blobs = join(image, 'blobs', 'sha256');
  for (const name of readdirSync(blobs)) {
    const path = join(blobs, name);
    const bytes = readFileSync(path);
    const start = bytes.indexOf('person,branch,balance_cents');
    if (start < 0) continue;
    const at = start + 1_000_000;
    bytes[at] = (bytes[at] as number) ^ 0x01;
    writeFileSync(path, bytes);
    return `data/bank/accounts.csv, in blob ${name.slice(0, 12)}…, byte ${at}`;
  }
  throw new Error('the table is not in the image');
}

function main(): void {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'cloister-demo-'));
  try {
    if (!existsSync('/usr/bin/python3')) {
      console.error('demo: this machine has no /usr/bin/python3 (package python3) to seal');
      process.exit(1);
    }
    heading('Two owners, two tables, one program that is already there');
    cpSync(join(ROOT, 'examples/joint-analysis'), folder, { recursive: true });
    writeTables(folder);
    console.log(
      `${ROWS} accounts, ${ROWS} treatments, /usr/bin/python3 unmodified, app/analyse.py`,
    );

    heading('Seal them into a measured, signed image');
    expectSuccess(cloister(['build'], folder), 'build');

    heading('Run it: the join, inside the sandbox');
    const run = expectSuccess(cloister(['run'], folder), 'run');
    if (!run.stdout.includes('matched treatments')) {
      console.error('demo: the analysis printed no result');
      process.exit(1);
    }

    heading('Show what ran: the evidence document');
    console.log(
      bold('*** PROVIDER: SIM. SIMULATED EVIDENCE. IT PROTECTS NOTHING FROM THIS HOST. ***'),
    );
    const nonce = 'c0ffee'.padEnd(64, '0');
    expectSuccess(cloister(['attest', 'image', '--nonce', nonce], folder), 'attest');

    heading('Change one byte of the image, and run it again');
    console.log(`flipped one bit: ${flipOneBit(join(folder, 'image'))}`);
    const broken = cloister(['run'], folder);
    const stopped = broken.status !== 0 && !broken.stdout.includes('matched treatments');
    if (!stopped) {
      console.error('demo: the changed image ran');
      process.exit(1);
    }
    console.log(`stopped with status ${broken.status}, before the guest saw the byte`);
    console.log(`\ndone in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
