/**
 * `npm run long -- fuzz-parsers --hours N [--target NAME,…] [--seed N] [--log]`: fuzzing of the parsers
 * (all in turn, or those that are named) that is guided by coverage. What brings something new is kept
 * in test/fuzz/corpus; what is found goes to test/fuzz/found, and ends the run.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../../src/base/random.ts';
import { Coverage } from './coverage.ts';
import { Finding, GuidedFuzz } from './guided.ts';
import { PARSER_MODULES } from './parser-modules.ts';

const HERE = new URL('./', import.meta.url).pathname;
const LOG = new URL('../../docs/fuzz-log.md', import.meta.url);
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const targetAt = process.argv.indexOf('--target');
const wanted = targetAt < 0 ? undefined : process.argv[targetAt + 1]?.split(',');
const hours = option('hours', 1);
const seed = option('seed', Math.floor(performance.timeOrigin) >>> 0);

function keep(folder: string, target: string, input: Uint8Array): void {
  mkdirSync(join(HERE, folder, target), { recursive: true });
  const name = createHash('sha256').update(input).digest('hex').slice(0, 16);
  writeFileSync(join(HERE, folder, target, name), input);
}

export function keptInputs(target: string): Uint8Array[] {
  const folder = join(HERE, 'corpus', target);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).sort();
  return names.map((name) => new Uint8Array(readFileSync(join(folder, name))));
}

async function main(): Promise<void> {
  // Before the parsers are loaded: V8 counts the blocks of what it compiles from now on.
  const coverage = new Coverage((url) => PARSER_MODULES.test(url));
  const { guidedTargets } = await import('./parser-targets.ts');
  const random = new SeededRandom(seed);
  const targets = guidedTargets();
  for (const name of wanted ?? [])
    if (!targets.some((target) => target.name === name)) throw new Error(`no target ${name}`);
  const fuzzes = targets
    .filter(({ name }) => wanted?.includes(name) ?? true)
    .map((target) => new GuidedFuzz(target, coverage, random, () => performance.now()));
  for (const fuzz of fuzzes) fuzz.load(keptInputs(fuzz.target.name));
  const begin = performance.now();
  const end = begin + hours * 3_600_000;
  let told = begin;
  const summary = () => {
    const executions = fuzzes.reduce((sum, fuzz) => sum + fuzz.executions, 0);
    const inputs = fuzzes.reduce((sum, fuzz) => sum + fuzz.corpus.length, 0);
    return `${executions} inputs, ${(coverage.share * 100).toFixed(1)} % of the text of the functions entered, corpus of ${inputs}`;
  };
  let outcome = 'no fault';
  try {
    while (performance.now() < end) {
      for (const fuzz of fuzzes) fuzz.step();
      if (performance.now() - told < 60_000) continue;
      told = performance.now();
      console.log(summary());
    }
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    keep('found', error.target, error.input);
    outcome = error.message;
    process.exitCode = 1;
  }
  for (const { target, corpus } of fuzzes) {
    rmSync(join(HERE, 'corpus', target.name), { recursive: true, force: true });
    for (const input of corpus.slice(target.seeds.length)) keep('corpus', target.name, input);
  }
  const minutes = ((performance.now() - begin) / 60_000).toFixed(0);
  const result = `${minutes} min, guided: ${summary()}, ${outcome.split('\n')[0]}`;
  console.log(outcome === 'no fault' ? result : `${result}\n${outcome}`);
  if (process.argv.includes('--log')) {
    const which = wanted === undefined ? '' : ` (${wanted.join(', ')})`;
    const day = new Date(performance.timeOrigin).toISOString().slice(0, 10);
    appendFileSync(LOG, `| ${day} | parsers${which} | ${seed} | ${result} |\n`);
  }
}

await main();
