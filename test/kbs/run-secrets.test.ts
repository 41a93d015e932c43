/** The whole way: a built image, a broker, and an unmodified program that finds its secret. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'run-secrets-'));
const project = join(folder, 'demo');
const environment = { ...process.env, CLOISTER_HOME: join(folder, 'home') };
test.after(() => rmSync(folder, { recursive: true, force: true }));

function cloister(args: readonly string[], cwd: string, input: string | Buffer = '') {
  const run = spawnSync(CLOISTER, args, { encoding: 'utf8', input, cwd, env: environment });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

const PROGRAM = `
import os
print(open('/dev/attestation/attestation_type').read())
print(open('/dev/attestation/keys/table', 'rb').read())
print(os.listdir('/dev/attestation/keys'))
with open('/data/log', 'a') as f: f.write('run;')
print(open('/data/log').read())
`;

const skip = existsSync('/usr/bin/python3') ? false : 'needs /usr/bin/python3';

test('a secret reaches the program of the approved image, and no other', { skip }, async () => {
  assert.equal(cloister(['new', 'demo'], folder).status, 0);
  writeFileSync(join(project, 'app/main.py'), PROGRAM);
  const volumeKey = Buffer.alloc(32, 5);
  writeFileSync(join(folder, 'volume.key'), volumeKey);
  const create = ['volume', 'create', 'data.vol', '--key-file', 'volume.key'];
  assert.equal(cloister(create, folder).status, 0);
  const mount = `{ type: sealed, source: ${join(folder, 'data.vol')}, target: /data, key: disk, anchor: broker }`;
  const { key } = JSON.parse(cloister(['kbs', 'list', '--json'], folder).out);
  const broker = `{ key: ${key}, secrets: { table: lab/key/table, disk: lab/key/disk } }`;
  appendFileSync(join(project, 'cloister.yaml'), `\nmounts:\n  - ${mount}\nbroker: ${broker}\n`);
  const built = cloister(['build'], project);
  assert.equal(built.status, 0, built.err);
  const about = JSON.parse(cloister(['inspect', 'image', '--json'], project).out);
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: cloister-policy/1\nproviders: {sim: }\nimages: [${about.measurement}]\nrequireNonce: true\n`,
  );
  assert.equal(cloister(['kbs', 'policy', 'lab', 'policy.yaml'], folder).status, 0);
  const put = ['kbs', 'put', 'lab/key/table', '--policy', 'lab'];
  assert.equal(cloister(put, folder, 'a table key').status, 0);
  const putKey = ['kbs', 'put', 'lab/key/disk', '--policy', 'lab'];
  assert.equal(cloister(putKey, folder, volumeKey).status, 0);
  const stat = ['volume', 'stat', 'data.vol', '--key-file', 'volume.key', '--json'];
  const { id, commit, commitment } = JSON.parse(cloister(stat, folder).out);
  const register = ['kbs', 'volume', id, '--policy', 'lab', '--commit', `${commit}:${commitment}`];
  assert.equal(cloister(register, folder).status, 0);
  const serve = ['kbs', 'serve', '--listen', '127.0.0.1:0'];
  const server = spawn(CLOISTER, serve, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let url = '';
    for await (const line of createInterface({ input: server.stdout })) {
      url = /http:\S+/.exec(line)?.[0] ?? '';
      if (url) break;
    }
    const run = ['run', '--kbs', url];
    const nowhere = cloister(['run'], project);
    assert.equal(nowhere.status, 125);
    assert.match(nowhere.err, /say where it is with --kbs URL/);
    const impostor = cloister([...run, '--kbs-key', `ed25519:${'0'.repeat(64)}`], project);
    assert.match(impostor.err, /another key broker \(--kbs-key\) is not permitted by the image/);
    const planted = cloister([...run, '--secret', 'table=lab/key/disk'], project);
    assert.match(planted.err, /other secrets \(--secret\) is not permitted by the image/);
    const good = cloister(run, project);
    assert.equal(good.status, 0, good.err);
    // The key of the volume unlocks it, and is not shown to the program.
    assert.equal(good.out, "sim\nb'a table key'\n['table']\nrun;\n");
    const volume = join(folder, 'data.vol');
    const old = readFileSync(volume);
    assert.match(cloister(run, project).out, /run;run;/);

    // The host puts an old copy of the whole volume back; then the new one again.
    const now = readFileSync(volume);
    writeFileSync(volume, old);
    const stale = cloister(run, project);
    assert.equal(stale.out, '');
    assert.match(stale.err, /data.vol is not fresh: it stands at commit \d+, the anchor at \d+/);
    writeFileSync(volume, now);
    assert.match(cloister(run, project).out, /run;run;run;/);
    const receipts = ['volume', 'receipts', 'data.vol', '--kbs-key', key];
    const shown = cloister(receipts, folder);
    assert.equal(shown.status, 0, shown.err);
    assert.match(shown.out, /\d receipts are the broker's, 0 are not/);
    appendFileSync(
      `${volume}.receipts`,
      readFileSync(`${volume}.receipts`, 'utf8').replace('A', 'B'),
    );
    assert.equal(cloister(receipts, folder).status, 3);

    writeFileSync(join(project, 'app/main.py'), `${PROGRAM}print('one line more')\n`);
    assert.equal(cloister(['build'], project).status, 0);
    const changed = cloister(run, project);
    assert.equal(changed.status, 125);
    assert.equal(changed.out, '', 'the changed program did not even start');
    assert.match(changed.err, /neither listed nor signed by a listed key/);

    const machine = cloister(['run', '--secret', 'a=b/c/d', '--', '/bin/true'], folder);
    assert.equal(machine.status, 125);
    assert.match(machine.err, /only a measured image/);
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('exit', resolve));
  }
});
