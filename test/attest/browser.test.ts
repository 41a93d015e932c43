/** `cloister/attest` in a real browser: a quote of real hardware, verified by what a page can load. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';

const ROOT = new URL('../../', import.meta.url).pathname;
const VECTORS = join(ROOT, 'test/vectors/attestation');

/** The first of the usual names in PATH. */
function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env['PATH'] ?? '').split(':');
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The page appraises the quote as it is, before its collateral was made, and with a bit turned. */
const PAGE = `<!doctype html><script type="module">
import { parseDcapCollateral, parsePolicy, verify } from './attest.js';
const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
const quote = await bytes('quote');
const collateral = { dcap: parseDcapCollateral(await (await fetch('collateral')).text()) };
const policy = parsePolicy('format: cloister-policy/1\\nproviders: {tdx: }\\nimages: any\\n');
const appraise = async (raw, time) => {
  const evidence = { provider: 'tdx', raw, certificates: [], binding: undefined, imageSignatures: [] };
  const made = await verify({ evidence, policy, collateral, time: new Date(time) });
  return [made.accepted, made.tcbStatus ?? made.error];
};
const turned = quote.slice();
turned[200] ^= 1;
const results = await Promise.all([
  appraise(quote, '2025-07-04T10:16:31Z'),
  appraise(quote, '2025-06-01T00:00:00Z'),
  appraise(turned, '2025-07-04T10:16:31Z'),
]).catch((error) => String(error.stack));
await fetch('result', { method: 'POST', body: JSON.stringify(results) });
</script>`;

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const TIMEOUT_MS = 120_000;

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of message) text += part;
  return text;
}

const chromium = findChromium();
const skip = chromium === undefined ? 'no Chromium in PATH (Debian: chromium)' : false;

test('a page in Chromium verifies a TDX quote', { skip, timeout: TIMEOUT_MS }, async () => {
  const bundle = await build({
    ...{ entryPoints: [join(ROOT, 'src/attest/index.ts')], bundle: true, write: false },
    ...{ format: 'esm', platform: 'browser', target: 'es2024' },
  });
  const files: Readonly<Record<string, readonly [string, string | Uint8Array]>> = {
    '/': ['text/html', PAGE],
    '/attest.js': ['text/javascript', bundle.outputFiles[0]?.contents ?? ''],
    '/quote': ['application/octet-stream', readFileSync(`${VECTORS}/dcap/phala-tdx-v4-b0c06f.bin`)],
    '/collateral': [
      'application/json',
      readFileSync(`${VECTORS}/collateral/tdx-b0c06f000000-2025-06-19-v3-e17.json`),
    ],
  };
  const result = Promise.withResolvers<string>();
  const server = createServer(async (request, reply) => {
    const file = files[request.url ?? ''];
    if (request.method === 'POST') result.resolve(await textOf(request));
    if (file === undefined) reply.writeHead(404).end();
    else reply.writeHead(200, { 'content-type': file[0] }).end(file[1]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), 'attest-browser-'));
  const args = [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`];
  // A group of its own, for its many processes end with it.
  const browser = spawn(chromium ?? '', args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  browser.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()));
  void ended.then(() => result.reject(new Error(`Chromium ended: ${said}`)));
  try {
    assert.deepEqual(JSON.parse(await result.promise), [
      [true, 'UpToDate'],
      [false, 'CRL_NOT_YET_VALID'],
      [false, 'QUOTE_BAD_SIGNATURE'],
    ]);
  } finally {
    if (browser.pid !== undefined && browser.exitCode === null)
      process.kill(-browser.pid, 'SIGKILL');
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
