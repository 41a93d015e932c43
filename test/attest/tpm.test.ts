/** Quotes made by a software TPM and the distribution's own tools at the time of the test. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { reportDataOf } from '../../src/attest/binding.ts';
import { concatBytes, fromHex, toHex } from '../../src/attest/bytes.ts';
import type { Evidence } from '../../src/attest/evidence.ts';
import { parsePolicy } from '../../src/attest/policy.ts';
import { parseTpmQuote } from '../../src/attest/tpm/quote.ts';
import { verifyTpm } from '../../src/attest/tpm/verify.ts';
import { verify } from '../../src/attest/verify.ts';
import { PackageUnavailable, placeOfAll, program } from '../support/packages.ts';

const folder = mkdtempSync(join(tmpdir(), 'tpm-quote-'));
let tpm: ChildProcess | undefined;
test.after(() => {
  tpm?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function missing(): string | false {
  try {
    for (const [name, of] of [
      ['swtpm', 'swtpm'],
      ['tpm2_quote', 'tpm2-tools'],
    ] as const)
      program(name, of);
    return false;
  } catch (error) {
    if (error instanceof PackageUnavailable) return `no TPM tools: ${error.message}`;
    throw error;
  }
}
const skip = missing();
const places =
  skip === false ? placeOfAll({ swtpm: 'swtpm', tpm2_quote: 'tpm2-tools' }) : undefined;

/** Two neighbouring ports: the tools look for the control channel behind the first. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => first.once('listening', resolve));
    const { port } = first.address() as { port: number };
    const next = createServer().listen(port + 1, '127.0.0.1');
    const isFree = await new Promise((resolve) => {
      next.once('listening', () => resolve(true));
      next.once('error', () => resolve(false));
    });
    for (const one of [first, next]) one.close();
    if (isFree) return port;
  }
}

async function startTpm(): Promise<(name: string, ...args: readonly string[]) => void> {
  const port = await freePorts();
  const env = { ...process.env, ...places?.env };
  const at = (which: number) => `type=tcp,port=${which},bindaddr=127.0.0.1`;
  tpm = spawn(
    program('swtpm', 'swtpm'),
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${folder}`, '--server', at(port)],
      ...['--ctrl', at(port + 1), '--flags', 'not-need-init,startup-clear'],
    ],
    { stdio: 'ignore', env },
  );
  for (let isUp = false; !isUp; await sleep(20))
    isUp = await new Promise((resolve) => {
      const socket = connect(port + 1, '127.0.0.1', () => socket.end(() => resolve(true)));
      socket.once('error', () => resolve(false));
    });
  const TPM2TOOLS_TCTI = `swtpm:host=127.0.0.1,port=${port}`;
  const call = (name: string, args: readonly string[]) => {
    const run = spawnSync(program(`tpm2_${name}`, 'tpm2-tools'), args, {
      ...{ cwd: folder, encoding: 'utf8', env: { ...env, TPM2TOOLS_TCTI } },
    });
    assert.equal(run.status, 0, `tpm2_${name} ${args.join(' ')}: ${run.stderr}`);
  };
  return (name, ...args) => {
    call(name, args);
    // No resource manager lies between: three objects fill its memory.
    if (name !== 'pcrextend') call('flushcontext', ['-t']);
  };
}

const ATTRIBUTES = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign';
const file = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const sized = (bytes: Uint8Array) =>
  concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);

const evidenceOf = (raw: Uint8Array, binding?: Evidence['binding']): Evidence => ({
  ...{ provider: 'tpm', raw, certificates: [], binding, imageSignatures: [] },
});
const policyOf = (name: string, more = '', images = 'any') =>
  parsePolicy(
    `format: cloister-policy/1\nproviders: {tpm: {keyNames: [${name}]${more}}}\nimages: ${images}\n`,
  );
const time = new Date('2026-01-01T00:00:00Z');

test('quotes of a software TPM', { skip }, async (t) => {
  const tool = await startTpm();
  const quote = (key: string, nonce: Uint8Array, ...scheme: readonly string[]) => {
    const output = ['-m', 'message', '-s', 'signature', '-o', 'pcrs', '-F', 'values'];
    tool(
      'quote',
      '-c',
      `${key}.ctx`,
      '-l',
      'sha256:0,16',
      '-q',
      toHex(nonce),
      ...output,
      ...scheme,
    );
    const [message, pcrs] = [file('message'), file('pcrs')];
    return concatBytes(file(`${key}.pub`), sized(message), file('signature'), sized(pcrs));
  };
  const makeKey = (key: string, algorithm: string, attributes = ATTRIBUTES) => {
    const names = ['-u', `${key}.pub`, '-r', `${key}.priv`];
    tool('create', '-C', 'primary.ctx', '-G', algorithm, '-a', attributes, ...names);
    tool('load', '-C', 'primary.ctx', ...names, '-c', `${key}.ctx`);
  };
  tool('createprimary', '-C', 'e', '-G', 'ecc', '-c', 'primary.ctx');
  tool('pcrextend', `16:sha256=${'ab'.repeat(32)}`);
  makeKey('ecc', 'ecc256:ecdsa-sha256:null');
  const binding = {
    ...{ imageMeasurement: new Uint8Array(32).fill(1), runtimeMeasurement: new Uint8Array(32) },
    ...{ publicKey: Uint8Array.of(4), nonce: new Uint8Array(32).fill(7) },
  };
  const { nonce } = binding;
  const reportData = await reportDataOf(binding);
  const raw = quote('ecc', reportData);
  const parsed = parseTpmQuote(raw);
  const verdict = await verifyTpm(raw);
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
  const name = toHex(verdict.claims.name);
  const image = `[sha256:${'01'.repeat(32)}]`;
  const pcr16 = toHex(parsed.pcrs[1]?.value ?? new Uint8Array(0));

  await t.test(
    'a pinned key, the right registers, this image and challenge: accepted',
    async () => {
      tool('readpublic', '-c', 'ecc.ctx', '-n', 'name');
      assert.equal(name, toHex(file('name')), 'the name is that of the TPM');
      const policy = policyOf(name, `, pcrs: {16: [${pcr16}]}`, image);
      const evidence = evidenceOf(raw, binding);
      const appraisal = await verify({ evidence, policy, time, nonce });
      assert.equal(appraisal.accepted, true, appraisal.reasons.join());
      assert.match(appraisal.reasons.join(), /isolates nothing from the host/);
      // TPMs that take less than 64 bytes sign the first of them.
      const cut = evidenceOf(quote('ecc', reportData.subarray(0, 32)), binding);
      assert.equal((await verify({ evidence: cut, policy, time, nonce })).accepted, true);
      const stub = evidenceOf(quote('ecc', reportData.subarray(0, 31)), binding);
      assert.equal(
        (await verify({ evidence: stub, policy, time, nonce })).error,
        'BINDING_MISMATCH',
      );
    },
  );

  await t.test('another key, other registers, another challenge: refused', async () => {
    const evidence = evidenceOf(raw, binding);
    const errorOf = async (policy: ReturnType<typeof policyOf>, asked = nonce) =>
      (await verify({ evidence, policy, time, nonce: asked })).error;
    assert.equal(await errorOf(policyOf(`000b${'0'.repeat(64)}`)), 'POLICY_SIGNER');
    const measured = policyOf(name, `, pcrs: {16: [${'0'.repeat(64)}]}`);
    assert.equal(await errorOf(measured), 'POLICY_MEASUREMENT');
    assert.equal(await errorOf(policyOf(name, `, pcrs: {7: [${pcr16}]}`)), 'POLICY_MEASUREMENT');
    assert.equal(await errorOf(policyOf(name), new Uint8Array(32)), 'NONCE_MISMATCH');
    assert.throws(() => policyOf(''), /keyNames/);
  });

  await t.test('no bit of it can change', async () => {
    const policy = policyOf(name, `, pcrs: {16: [${pcr16}]}`, image);
    for (let at = 0; at < raw.length; at++) {
      const mutant = raw.slice();
      mutant[at] = (mutant[at] as number) ^ (1 << (at & 7));
      const evidence = evidenceOf(mutant, binding);
      const appraisal = await verify({ evidence, policy, time, nonce });
      assert.equal(appraisal.accepted, false, `byte ${at}`);
      assert.ok(appraisal.error, `byte ${at}`);
    }
    for (const bytes of [raw.subarray(0, -1), concatBytes(raw, Uint8Array.of(0)), fromHex('')])
      assert.equal((await verifyTpm(bytes)).ok, false);
  });

  await t.test('a key that signs anything vouches for nothing', async () => {
    makeKey('free', 'ecc256:ecdsa-sha256:null', ATTRIBUTES.replace('restricted|', ''));
    const free = await verifyTpm(quote('free', nonce));
    assert.equal(free.ok ? 'accepted' : free.reason, 'the key lacks the attribute restricted');
  });

  for (const [key, algorithm, ...scheme] of [
    ['ssa', 'rsa2048:rsassa-sha256:null'],
    ['pss', 'rsa2048:rsapss-sha256:null', '--scheme=rsapss'],
    ['p384', 'ecc384:ecdsa-sha384:null', '--hash-algorithm=sha384'],
  ] as const)
    await t.test(`${algorithm}: accepted, and refused with a bit turned`, async () => {
      makeKey(key, algorithm);
      const good = quote(key, nonce, ...scheme);
      const made = await verifyTpm(good);
      assert.ok(made.ok, JSON.stringify(made.checks));
      const at = Buffer.from(good).indexOf(file('message').subarray(0, 8));
      const bad = good.slice();
      bad[at + 60] = (bad[at + 60] as number) ^ 1;
      const refused = await verifyTpm(bad);
      assert.equal(refused.ok, false);
    });
});
