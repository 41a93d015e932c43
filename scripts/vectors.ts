/**
 * `npm run vectors -- PATH/index.json [--json]`: runs any index of attestation vectors, vectors and
 * mutations: a line a case (expected, given), last line `N passed, M failed`, status 1 on failures.
 */
import { resolve } from 'node:path';
import { type Given, VectorSet } from '../test/vectors/run-index.ts';

const DEFAULT_INDEX = new URL('../test/vectors/attestation/index.json', import.meta.url).pathname;

const asJson = process.argv.includes('--json');
const given = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
// npm runs scripts in the package's folder; a path is meant from where the person stands.
const path = given === undefined ? DEFAULT_INDEX : resolve(process.env['INIT_CWD'] ?? '.', given);

function brief(verdict: Given): string {
  if (!verdict.ok) return `refused (${verdict['error'] ?? 'no reason'})`;
  const status = verdict['status'];
  return status === undefined ? 'accepted' : `accepted (${status})`;
}

let passed = 0;
let failed = 0;
for await (const result of new VectorSet(path).run()) {
  if (result.passed) passed++;
  else failed++;
  if (asJson) console.log(JSON.stringify(result));
  else {
    const word = result.passed ? 'pass' : 'FAIL';
    const { expected, given } = result;
    console.log(`${word}  ${result.name}  expected ${brief(expected)}, given ${brief(given)}`);
    if (!result.passed) console.log(`      ${JSON.stringify({ expected, given })}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
