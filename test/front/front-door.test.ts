/** Unmodified programs behind and before the doors of measured images, from `cloister build` on. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { parsePolicy } from '../../src/attest/policy.ts';
import { createCertificate, generateChannelKey } from '../../src/attest/ratls/create.ts';
import { verifyRaTls } from '../../src/attest/ratls/verify.ts';
import { nodeTlsHost } from '../../src/host/tls-host.ts';
import { connectAttested, type StreamJudge } from '../../src/kbs/attested-stream.ts';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';
import { program } from '../support/packages.ts';

const BUSYBOX = NO_GUESTS ? '' : program('busybox', 'busybox-static');
const PAGE = 'hello from inside\n';
const folder = mkdtempSync(join(tmpdir(), 'front-door-'));
const environment = { ...process.env, CLOISTER_HOME: join(folder, 'home') };
const running: ChildProcess[] = [];
test.after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** An Ed25519 key to sign images with. */
function signer(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const path = join(folder, name);
  writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { path, key: `ed25519:${raw.toString('hex')}` };
}

/** Builds a project of `files`; its image and measurement. */
function build(name: string, key: string, files: Readonly<Record<string, string>>) {
  const project = join(folder, name);
  mkdirSync(project, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
  const built = spawnSync(CLOISTER, ['build', project, '--key', key, '--json'], {
    ...{ encoding: 'utf8', env: environment },
  });
  assert.equal(built.status, 0, built.stderr);
  const { measurement, image } = JSON.parse(built.stdout);
  return { measurement: measurement as string, image: image as string };
}

const policy = (what: string): string =>
  `format: cloister-policy/1\nproviders: { sim: }\n${what}\nrequireNonce: true\n`;
const imageOf = (command: string, doors: string): string => `name: front
command: [/bin/busybox, ${command}]
files: { copy: [{ from: ${BUSYBOX}, to: /bin/busybox, mode: "0755" }, { from: index.html, to: /www/index.html }] }
translations: false
${doors}
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function stranger() {
  const key = await generateChannelKey();
  const [notBefore, notAfter] = [new Date(Date.now() - 60_000), new Date(Date.now() + 600_000)];
  const certificate = await createCertificate({ key, commonName: 'x', notBefore, notAfter });
  return { certificate, privateKey: key.pkcs8, publicKey: key.spki };
}

/** What an attested client that believes `what` gets from the server. */
async function attestedGet(port: number, what: string): Promise<string> {
  const judge: StreamJudge = {
    ...{ policy: parsePolicy(policy(what)), freshness: 'connection', time: () => new Date() },
  };
  const { stream } = await connectAttested(
    nodeTlsHost,
    { host: '127.0.0.1', port },
    {
      ...{ identity: await stranger(), judge, protocols: [] },
      ...{ handshakeMs: 30_000, idleMs: 30_000 },
    },
  );
  await stream.write(new TextEncoder().encode('GET /index.html HTTP/1.0\r\n\r\n'));
  let text = '';
  for (let part = await stream.read(); part !== undefined; part = await stream.read())
    text += new TextDecoder().decode(part);
  stream.destroy();
  return text;
}

test('busybox httpd behind an ingress, busybox wget behind an egress', {
  skip: NO_GUESTS,
}, async (t) => {
  const owner = signer('owner.pem');
  const server = build('server', owner.path, {
    'index.html': PAGE,
    'clients.yaml': policy(`signers: [${owner.key}]`),
    'cloister.yaml': imageOf(
      'httpd, -f, -p, "127.0.0.1:8080", -h, /www',
      `ingress:
  - { port: 443, tls: ra-tls, to: 8080 }
  - { port: 444, tls: ra-tls, to: 8080, clients: { policy: clients.yaml } }`,
    ),
  });
  const [open, closed] = [await freePort(), await freePort()];
  const publish = ['-p', `127.0.0.1:${open}:443`, '-p', `127.0.0.1:${closed}:444`];
  const child = spawn(CLOISTER, ['run', '--image', server.image, ...publish], {
    ...{ env: environment, stdio: ['ignore', 'ignore', 'pipe'] },
  });
  running.push(child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const believed = `images: [${server.measurement}]`;
  let page = '';
  for (let i = 0; i < 300 && page === ''; i++) {
    page = await attestedGet(open, believed).catch(() => '');
    if (page === '') await sleep(100);
  }

  await t.test('a client with a policy gets its page, and leaves another image', async () => {
    assert.match(page, /^HTTP\/1.[01] 200 OK/);
    assert.ok(page.endsWith(PAGE), said);
    const wrong = attestedGet(open, `images: [sha256:${'0'.repeat(64)}]`);
    await assert.rejects(wrong, /neither listed nor signed/);
    const ask = (what: string) => {
      writeFileSync(join(folder, 'believed.yaml'), policy(what));
      const input = 'GET /index.html HTTP/1.0\r\n\r\n';
      const args = ['connect', `127.0.0.1:${open}`, '--policy', join(folder, 'believed.yaml')];
      return spawnSync(CLOISTER, args, { input, encoding: 'utf8', env: environment });
    };
    const asked = ask(believed);
    assert.deepEqual([asked.status, asked.stdout.slice(-PAGE.length)], [0, PAGE], asked.stderr);
    const refused = ask('images: []');
    assert.deepEqual([refused.status, refused.stdout], [4, '']);
    assert.match(refused.stderr, /peer refused: image .* is neither listed nor signed/);
  });

  await t.test('a client that knows nothing of attestation speaks TLS 1.3', async () => {
    const args = ['s_client', '-quiet', '-connect', `127.0.0.1:${open}`, '-tls1_3'];
    const input = 'GET /index.html HTTP/1.0\r\n\r\n';
    const child = spawnSync('openssl', args, { input, encoding: 'utf8', timeout: 20_000 });
    if (child.error === undefined) assert.ok(child.stdout.endsWith(PAGE), child.stderr);
    const socket = tlsConnect({ port: open, host: '127.0.0.1', rejectUnauthorized: false });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    // The evidence is in the certificate, for whoever wants to look.
    const certificate = new Uint8Array(socket.getPeerX509Certificate()?.raw ?? []);
    socket.destroy();
    const lax = parsePolicy(policy(believed).replace('requireNonce: true', ''));
    const appraisal = await verifyRaTls({ certificate, policy: lax, time: new Date() });
    assert.equal(appraisal.accepted, true, appraisal.reasons.join());
  });

  await t.test('plain TCP gets nothing', async () => {
    const socket = connect(open, '127.0.0.1', () =>
      socket.write('GET /index.html HTTP/1.0\r\n\r\n'),
    );
    socket.on('error', () => undefined);
    let text = '';
    for await (const part of socket) text += part.toString('latin1');
    assert.doesNotMatch(text, /hello/);
  });

  await t.test('mutual: instance to instance, neither program knows of it', () => {
    const client = build('client', owner.path, {
      'index.html': PAGE,
      'server.yaml': policy(believed),
      'cloister.yaml': imageOf(
        'wget, -q, -O, "-", "http://127.0.0.1:9000/index.html"',
        `egress: { listen: "127.0.0.1:9000", connect: "127.0.0.1:${closed}", policy: server.yaml }`,
      ),
    });
    const good = spawnSync(CLOISTER, ['run', '--image', client.image], {
      ...{ encoding: 'utf8', env: environment, timeout: 120_000 },
    });
    assert.deepEqual([good.status, good.stdout], [0, PAGE], good.stderr + said);
  });

  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
});
