/**
 * `npm run fuzz -- [TARGET] [--seconds N] [--seed N]`: runs registered fuzz targets, each a generator
 * with an oracle, until the time is up or a fault is found. A canary that must fail runs first.
 * `--log` adds the result to docs/fuzz-log.md.
 */
import { appendFileSync } from 'node:fs';
import { SeededRandom } from '../src/base/random.ts';

const LOG = new URL('../docs/fuzz-log.md', import.meta.url);

type Fuzz = (seconds: number, random: SeededRandom) => Promise<number>;

const TARGETS: Readonly<Record<string, Fuzz>> = {
  'attest-parsers': async (seconds, random) => {
    const { fuzzParsers } = await import('../test/attest/parser-targets.ts');
    return fuzzParsers(seconds, random, () => performance.now());
  },
  'volume-parsers': async (seconds, random) => {
    const { fuzzVolumeParsers } = await import('../src/fs/sealed/testing/parser-fuzz.ts');
    return fuzzVolumeParsers(seconds, random, () => performance.now());
  },
  'image-index': async (seconds, random) => {
    const { fuzzImageIndex } = await import('../src/image/testing/index-fuzz.ts');
    return fuzzImageIndex(seconds, random, () => performance.now());
  },
  verifier: async (seconds, random) => {
    const { fuzzVerifier, summary, verifierCanary } = await import(
      '../test/isolation/verifier-fuzz.ts'
    );
    verifierCanary();
    const now = () => performance.now();
    const report = fuzzVerifier(random, { seconds, mutants: Number.POSITIVE_INFINITY, now });
    keep('verifier', `${seconds} s: ${summary(report)}`);
    return report.mutants;
  },
};

/** Prints a result; with `--log` it is added to the table of runs. */
function keep(target: string, result: string): void {
  console.log(`${target}: ${result}`);
  if (!process.argv.includes('--log')) return;
  const day = new Date(performance.timeOrigin).toISOString().slice(0, 10);
  appendFileSync(LOG, `| ${day} | ${target} | ${seed} | ${result} |\n`);
}

/** A target whose oracle must object: shows that faults come through. */
async function canary(): Promise<void> {
  const { run } = await import('../test/attest/parser-targets.ts');
  const parse = () => [].at(0)!['x'];
  if (run({ name: 'canary', seeds: [], parse }, new Uint8Array(1)) === undefined)
    throw new Error('the canary did not fail: faults would not be seen');
}

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seconds = option('seconds', 10);
const seed = option('seed', Math.floor(performance.timeOrigin) >>> 0);
const named = process.argv.slice(2).filter((word) => word in TARGETS);
await canary();
for (const [name, fuzz] of Object.entries(TARGETS)) {
  if (named.length > 0 && !named.includes(name)) continue;
  console.log(`${name}: ${seconds} s, seed ${seed}`);
  const count = await fuzz(seconds, new SeededRandom(seed));
  // The verifier's own line says more.
  if (name !== 'verifier') keep(name, `${seconds} s: ${count} inputs, no fault`);
}
