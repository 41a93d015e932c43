/**
 * A TPM as freshness anchor, against the distribution's software TPM: what the host may try with the
 * volume, with the TPM, and with what goes between.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { TpmAnchor } from '../../src/cli/tpm-anchor.ts';
import { MemoryHost } from '../../src/fs/sealed/testing/memory-host.ts';
import { createVolume, makeFile, openVolume, treeOf } from '../../src/fs/sealed/testing/volume.ts';
import { nodeCrypto, nodeEntropy } from '../../src/host/crypto.ts';
import { nodeKeyAgreement } from '../../src/host/key-agreement.ts';
import { openTpm, type TpmTransport } from '../../src/host/tpm.ts';
import { decodePlace } from '../../src/tee/tpm/chain.ts';
import { ChainIndex } from '../../src/tee/tpm/chain-index.ts';
import { withEndorsementKey } from '../../src/tee/tpm/endorsement.ts';
import { TpmSession } from '../../src/tee/tpm/session.ts';
import { missingSwtpm, SoftwareTpm } from './swtpm.ts';

const skip = missingSwtpm() ?? false;
const STALE = { code: 'CLOISTER_VOLUME_STALE' };
const tools = { crypto: nodeCrypto, entropy: nodeEntropy, keys: nodeKeyAgreement };

let tpm: SoftwareTpm;
let wire: TpmTransport;

before(async () => {
  if (skip !== false) return;
  tpm = await new SoftwareTpm().start();
  wire = openTpm({ path: tpm.socket });
});
after(async () => {
  if (skip !== false) return;
  wire[Symbol.dispose]();
  await tpm[Symbol.asyncDispose]();
});

/** What the host does with a command: the true response is what `real` gives. */
type Middle = (command: Uint8Array, real: () => Uint8Array) => Uint8Array;

const honest: Middle = (_, real) => real();

/** A client of the one connection to the TPM. What it leaves loaded goes with it, as on /dev/tpmrm0. */
function client(middle: Middle): TpmTransport {
  const loaded: Uint8Array[] = [];
  return {
    transmit: (command) =>
      middle(command, () => {
        const response = wire.transmit(command);
        if (LOADING.includes(codeOf(command))) loaded.push(response.slice(10, 14));
        return response;
      }),
    [Symbol.dispose]() {
      for (const handle of loaded)
        wire.transmit(Uint8Array.of(0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65, ...handle));
    },
  };
}

function anchorOver(middle: Middle = honest, everyMs = 0): TpmAnchor {
  return new TpmAnchor({ name: 'TPM under test', everyMs, open: () => client(middle) });
}

const codeOf = (command: Uint8Array): number => new DataView(command.buffer).getUint32(6);
/** TPM2_CreatePrimary, TPM2_StartAuthSession. */
const LOADING = [0x131, 0x176];
const NV_EXTEND = 0x136;
const NV_READ = 0x14e;

/** A volume with commits 1 … `count`, each of one more file; the host's bytes after each. */
function committed(count: number, anchor: TpmAnchor, host = new MemoryHost()): Uint8Array[] {
  const fs = createVolume(host, { anchor });
  const states: Uint8Array[] = [];
  for (let i = 1; i <= count; i++) {
    makeFile(fs.root, `file${i}`);
    assert.equal(fs.sync(), 0);
    states.push(host.snapshot());
  }
  return states;
}

function opened(bytes: Uint8Array, middle: Middle = honest) {
  using anchor = anchorOver(middle);
  return openVolume(new MemoryHost(bytes.slice()), { anchor, isReadOnly: true });
}

const names = (bytes: Uint8Array, middle?: Middle): string[] => [
  ...treeOf(opened(bytes, middle).root).keys(),
];

test('the last commit opens, every older one is refused, over power cuts', { skip }, async () => {
  using anchor = anchorOver();
  const states = committed(3, anchor);
  assert.deepEqual(names(states[2]!), ['/file1', '/file2', '/file3']);
  for (const old of states.slice(0, 2)) assert.throws(() => opened(old), STALE);
  wire[Symbol.dispose]();
  await tpm.stop();
  await tpm.start();
  wire = openTpm({ path: tpm.socket });
  assert.deepEqual(names(states[2]!).length, 3);
  assert.throws(() => opened(states[1]!), STALE);
});

test('a volume goes on after it was opened again, and closes', { skip }, () => {
  const host = new MemoryHost();
  using first = anchorOver();
  committed(2, first, host);
  const old = host.snapshot();
  using anchor = anchorOver();
  const fs = openVolume(host, { anchor });
  makeFile(fs.root, 'more');
  fs.shutdown();
  assert.equal(names(host.bytes).length, 3);
  assert.throws(() => opened(old), STALE);
});

test('a commit that a crash kept from the TPM opens, and the next one follows it', { skip }, () => {
  const host = new MemoryHost();
  let isCut = false;
  const cut: Middle = (_, real) => {
    if (isCut) throw new Error('power cut');
    return real();
  };
  using anchor = anchorOver(cut);
  const fs = createVolume(host, { anchor });
  makeFile(fs.root, 'one');
  assert.equal(fs.sync(), 0);
  const reported = host.snapshot();
  makeFile(fs.root, 'two');
  isCut = true;
  assert.notEqual(fs.sync(), 0);
  const unreported = host.snapshot();
  isCut = false;
  assert.deepEqual(names(reported), ['/one']);
  assert.deepEqual(names(unreported), ['/one', '/two']);
  // Another run goes on from the reported one: then the other branch is dead.
  using next = anchorOver();
  const again = openVolume(new MemoryHost(reported.slice()), { anchor: next });
  makeFile(again.root, 'three');
  assert.equal(again.sync(), 0);
  assert.throws(() => opened(unreported), STALE);
  assert.throws(() => opened(reported), STALE);
});

/** The host loses the N-th message of a commit, on the way there or back, for every N. */
for (const isDone of [false, true])
  test(`lost ${isDone ? 'responses' : 'commands'} do not lose the volume`, { skip }, () => {
    let left = Number.POSITIVE_INFINITY;
    const lossy: Middle = (_, real) => {
      if (--left !== 0) return real();
      if (isDone) real();
      throw new Error('lost');
    };
    using anchor = anchorOver(lossy);
    const host = new MemoryHost();
    const fs = createVolume(host, { anchor });
    for (let n = 1; n <= 3; n++) {
      left = n;
      makeFile(fs.root, `file${n}`);
      assert.equal(fs.sync(), 0, `message ${n}`);
      assert.ok(left <= 0, 'the message was lost');
      assert.equal(names(host.bytes).length, n);
    }
  });

test('tampered responses are refused, or do no harm', { skip }, () => {
  using anchor = anchorOver();
  const states = committed(2, anchor);
  const random = new SeededRandom(7);
  let refused = 0;
  for (let n = 0; n < 18; n++) {
    // Every kind of message of an opening, some bits of it.
    let left = n % 6;
    const tamper: Middle = (_, real) => {
      const response = real();
      if (left-- === 0) response[random.below(response.length)]! ^= 1 << random.below(8);
      return response;
    };
    try {
      assert.equal(names(states[1]!, tamper).length, 2);
    } catch (error) {
      assert.equal((error as { code?: string }).code, STALE.code);
      refused++;
    }
    left = n % 6;
    assert.throws(() => opened(states[0]!, tamper), STALE);
  }
  assert.ok(refused > 6, `${refused} were refused`);
});

test('an old response of the TPM does not vouch for an old state', { skip }, () => {
  using anchor = anchorOver();
  const host = new MemoryHost();
  const fs = createVolume(host, { anchor });
  makeFile(fs.root, 'one');
  assert.equal(fs.sync(), 0);
  const old = host.snapshot();
  const recorded = new Map<number, Uint8Array>();
  const record: Middle = (command, real) => {
    const response = real();
    recorded.set(codeOf(command), response);
    return response;
  };
  assert.equal(names(old, record).length, 1);
  makeFile(fs.root, 'two');
  assert.equal(fs.sync(), 0);
  for (const codes of [[NV_READ], [...recorded.keys()]]) {
    const replay: Middle = (command, real) => {
      const answer = codes.includes(codeOf(command)) ? recorded.get(codeOf(command)) : undefined;
      return answer ?? real();
    };
    assert.throws(() => opened(old, replay), STALE);
  }
  // The host claims that a command was refused, done, or asks to have it again.
  for (const rc of [0, 0x922, 0x98e]) {
    const claim: Middle = (command, real) =>
      codeOf(command) === NV_READ
        ? Uint8Array.of(0x80, rc === 0 ? 2 : 1, 0, 0, 0, 10, 0, 0, rc >>> 8, rc)
        : real();
    assert.throws(() => opened(host.bytes, claim), STALE);
  }
});

test('a command that the host held back brings no old state back', { skip }, () => {
  using anchor = anchorOver();
  const host = new MemoryHost();
  const fs = createVolume(host, { anchor });
  makeFile(fs.root, 'one');
  assert.equal(fs.sync(), 0);
  // A second run on a copy: its last word to the TPM never arrives, and it is killed.
  const copy = new MemoryHost(host.snapshot());
  let held: Uint8Array | undefined;
  let isDead = false;
  const hold: Middle = (command, real) => {
    if (isDead) throw new Error('killed');
    if (codeOf(command) !== NV_EXTEND) return real();
    held = command;
    isDead = true;
    throw new Error('killed');
  };
  // The host keeps what this run has loaded.
  const open = () => ({ ...client(hold), [Symbol.dispose]: () => undefined });
  using second = new TpmAnchor({ name: 'second run', everyMs: 0, open });
  const fork = openVolume(copy, { anchor: second });
  makeFile(fork.root, 'fork');
  assert.notEqual(fork.sync(), 0);
  makeFile(fs.root, 'two');
  assert.equal(fs.sync(), 0);
  assert.throws(() => opened(copy.bytes), STALE);
  wire.transmit(held as Uint8Array);
  assert.throws(() => opened(copy.bytes), STALE);
  // It costs the host the volume: refused, not rolled back.
  assert.throws(() => opened(host.bytes), STALE);
});

test('an index that was deleted and made again is refused', { skip }, () => {
  using anchor = anchorOver();
  const host = new MemoryHost();
  const fs = createVolume(host, { anchor });
  makeFile(fs.root, 'one');
  assert.equal(fs.sync(), 0);
  const place = decodePlace(fs.store.anchorKept as Uint8Array);
  assert.ok(place !== undefined);
  const { handle } = place;
  withEndorsementKey(wire, tools, undefined, (key) => {
    const session = new TpmSession(wire, tools, key);
    const index = new ChainIndex(nodeCrypto, handle, new Uint8Array(32).fill(1));
    index.undefine(session);
    assert.throws(() => opened(host.bytes), STALE);
    index.define(session);
    index.extend(session, new Uint8Array(32).fill(2), true);
    session.close();
  });
  assert.throws(() => opened(host.bytes), STALE);
});

test('commits that are put off reach the TPM at the close', { skip }, () => {
  let extensions = 0;
  const count: Middle = (command, real) => {
    if (codeOf(command) === NV_EXTEND) extensions++;
    return real();
  };
  using anchor = anchorOver(count, 3_600_000);
  const host = new MemoryHost();
  const fs = createVolume(host, { anchor });
  const states: Uint8Array[] = [];
  for (let i = 0; i < 4; i++) {
    makeFile(fs.root, `file${i}`);
    assert.equal(fs.sync(), 0);
    states.push(host.snapshot());
  }
  assert.equal(extensions, 2, 'the origin and the first commit');
  // Until then the host may choose among them, and may not go back behind the first.
  assert.deepEqual(names(states[1]!).length, 2);
  fs.shutdown();
  assert.equal(extensions, 3);
  assert.equal(names(host.bytes).length, 4);
  for (const old of states) assert.throws(() => opened(old), STALE);
});

test('another TPM is refused', { skip }, async () => {
  using anchor = anchorOver();
  const [state] = committed(1, anchor);
  wire[Symbol.dispose]();
  await tpm.replace();
  wire = openTpm({ path: tpm.socket });
  assert.throws(() => opened(state!), { ...STALE, message: /endorsement key/ });
});

test('the commands know the TPM by its place', { skip }, () => {
  wire[Symbol.dispose]();
  const file = (name: string) => join(tpm.folder, name);
  const [volume, key, old] = [file('data.vol'), file('key'), file('old.vol')];
  writeFileSync(key, new Uint8Array(32).fill(4));
  const place = `tpm:unix:${tpm.socket}`;
  const cloister = (status: number, ...args: string[]): string => {
    const run = spawnSync('bin/cloister', args, { encoding: 'utf8' });
    assert.equal(run.status, status, `${args.join(' ')}: ${run.stdout}${run.stderr}`);
    return run.stdout + run.stderr;
  };
  const anchored = ['--key-file', key, '--anchor', place];
  const [, print] = /endorsement key ([0-9a-f]{64})/.exec(
    cloister(0, 'volume', 'create', volume, ...anchored),
  ) as RegExpExecArray;
  cpSync(volume, old);
  const mount = `type=sealed,source=${volume},target=/d,key-file=${key},anchor=${place}?key=${print}`;
  cloister(0, 'run', '--mount', mount, '--', '/bin/sh', '-c', 'echo hello > /d/file');
  assert.equal(cloister(0, 'volume', 'ls', volume, ...anchored), 'file\n');
  assert.match(cloister(5, 'volume', 'ls', old, ...anchored), /not the last that the TPM vouched/);
  const other = `${place}?key=${'0'.repeat(64)}`;
  assert.match(cloister(5, 'volume', 'ls', volume, '--key-file', key, '--anchor', other), /wanted/);
  // Whoever owns the volume may have another anchor vouch for it.
  const next = file('anchor.json');
  cloister(0, 'volume', 'anchor', volume, ...anchored, '--to', next);
  cloister(0, 'volume', 'ls', volume, '--key-file', key, '--anchor', next);
  assert.match(cloister(5, 'volume', 'ls', volume, ...anchored), /knows no TPM/);
  wire = openTpm({ path: tpm.socket });
});
