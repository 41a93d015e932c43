import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url).href;

/** Takes away what browsers lack, then verifies a real quote and report, and appraises one. */
const SCRIPT = `
import { readFileSync } from 'node:fs';
const read = (name) => readFileSync(new URL('test/vectors/attestation/' + name, '${ROOT}'));
const quote = new Uint8Array(read('dcap/phala-tdx-v4-b0c06f.bin'));
const bundle = read('collateral/tdx-b0c06f000000-2025-06-19-v3-e17.json').toString();
const report = new Uint8Array(read('snp/ms-turin-v5.report.bin'));
const vcek = new Uint8Array(read('snp/ms-turin-v5.vcek.der'));
const log = console.log;
for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate'])
  delete globalThis[name];
const attest = await import('${ROOT}src/attest/index.ts');
const evidence = { provider: 'tdx', raw: quote, certificates: [], binding: undefined, imageSignatures: [] };
const policy = attest.parsePolicy('format: cloister-policy/1\\nproviders: {tdx: }\\nimages: any\\n');
const collateral = { dcap: attest.parseDcapCollateral(bundle) };
const time = new Date('2025-07-04T10:16:31Z');
const appraisal = await attest.verify({ evidence, policy, collateral, time });
const timeMs = Date.parse('2026-03-07T01:04:33Z');
const verdict = await attest.verifySnp({ report, endorsementKey: vcek, timeMs });
log(JSON.stringify([typeof Buffer, appraisal.accepted, appraisal.tcbStatus, verdict.ok]));
`;

test('cloister/attest works with the globals that browsers have', () => {
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', SCRIPT];
  const run = spawnSync(process.execPath, flags, { encoding: 'utf8' });
  assert.equal(run.stderr, '');
  assert.deepEqual(JSON.parse(run.stdout), ['undefined', true, 'UpToDate', true]);
});
