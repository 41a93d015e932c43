/** An encrypted image whose key a broker releases to exactly that image, and to nobody else's eyes. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';
import { program } from '../support/packages.ts';

const BUSYBOX = NO_GUESTS ? '' : program('busybox', 'busybox-static');
const folder = mkdtempSync(join(tmpdir(), 'image-key-'));
const project = join(folder, 'project');
const environment = { ...process.env, CLOISTER_HOME: join(folder, 'home') };
test.after(() => rmSync(folder, { recursive: true, force: true }));

function cloister(args: readonly string[], input: string | Buffer = '') {
  const run = spawnSync(CLOISTER, args, { input, cwd: project, env: environment });
  return {
    status: run.status,
    out: run.stdout.toString('latin1'),
    err: run.stderr.toString('latin1'),
  };
}

function build(text: string): string {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'text'), text);
  writeFileSync(
    join(project, 'cloister.yaml'),
    `name: sealed
command: [/bin/busybox, sh, -c, "cat /text; ls -A /dev/attestation/keys"]
files: { copy: [{ from: ${BUSYBOX}, to: /bin/busybox, mode: "0755" }, { from: text, to: /text }] }
translations: false
broker: { key: ${key}, image_key: lab/key/image }
`,
  );
  const built = cloister(['build', '--encrypt-key', '../owner.key', '--json']);
  assert.equal(built.status, 0, built.err);
  return JSON.parse(built.out).measurement;
}

/** Every file below `path`. */
function* filesBelow(path: string): Generator<string> {
  for (const name of readdirSync(path)) {
    const child = join(path, name);
    const stat = statSync(child, { throwIfNoEntry: false });
    if (stat?.isDirectory()) yield* filesBelow(child);
    else if (stat?.isFile()) yield child;
  }
}

let key = '';

test('the key of an image comes by attestation, for that image only', {
  skip: NO_GUESTS,
}, async () => {
  mkdirSync(project, { recursive: true });
  const ownerKey = randomBytes(32);
  writeFileSync(join(folder, 'owner.key'), ownerKey);
  key = JSON.parse(cloister(['kbs', 'list', '--json']).out).key;
  const measurement = build('the text\n');
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: cloister-policy/1\nproviders: {sim: }\nimages: [${measurement}]\nrequireNonce: true\n`,
  );
  assert.equal(cloister(['kbs', 'policy', 'lab', '../policy.yaml']).status, 0);
  assert.equal(cloister(['kbs', 'put', 'lab/key/image', '--policy', 'lab'], ownerKey).status, 0);
  const serve = ['kbs', 'serve', '--listen', '127.0.0.1:0'];
  const server = spawn(CLOISTER, serve, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let url = '';
    for await (const line of createInterface({ input: server.stdout })) {
      url = /http:\S+/.exec(line)?.[0] ?? '';
      if (url) break;
    }
    const run = (...more: string[]) => cloister(['run', '--kbs', url, ...more]);
    const good = run('--verbose');
    assert.equal(good.status, 0, good.err);
    // The program finds its text, and no key.
    assert.equal(good.out, 'the text\n');
    const spellings = [ownerKey.toString('latin1'), ownerKey.toString('hex')];
    spellings.push(ownerKey.toString('base64').slice(0, 42), ownerKey.toString('base64url'));
    for (const text of spellings) assert.equal((good.out + good.err).includes(text), false);
    for (const file of filesBelow(folder)) {
      if (file === join(folder, 'owner.key')) continue;
      const bytes = readFileSync(file).toString('latin1');
      for (const text of spellings) assert.equal(bytes.includes(text), false, file);
    }

    // Evidence needs no key; files do.
    assert.match(cloister(['attest', 'image']).out, /"imageMeasurement"/);
    build('another text\n');
    const refused = run();
    assert.deepEqual([refused.status, refused.out], [125, '']);
    assert.match(refused.err, /secret lab\/key\/image .*neither listed nor signed/);
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('exit', resolve));
  }
});
