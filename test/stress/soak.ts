/**
 * `npm run long -- soak [--hours N]`: redis, nginx and a shell loop in one instance, driven from this
 * machine over published ports, for an hour. Every answer is checked; the resident set of the process,
 * its mappings and its open files must stay as they are once it is warm.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOISTER } from '../guests/harness.ts';
import { placeOfAll } from '../support/packages.ts';

const at = process.argv.indexOf('--hours');
const HOURS = at < 0 ? 1 : Number(process.argv[at + 1]);
const SECONDS = HOURS * 3600;
const SAMPLE_MS = 5000;
/** What came before is warming up: caches fill, V8 compiles. */
const WARM = 0.15;
/** Share of the run at either end whose medians are compared. */
const SHARE = 0.15;
/** The bar: growth of the resident set. */
const MOST_GROWTH = 0.05;
const REDIS = 20_000 + (process.pid % 4000) * 3;
const HTTP = REDIS + 1;
const PAGE_BYTES = 10_240;

const PROGRAMS = { 'redis-server': 'redis-server', nginx: 'nginx-light' };
const SCRIPT = `
mkdir -p www temp; head -c ${PAGE_BYTES} /dev/zero | tr '\\0' x > www/ten; chmod -R a+rX .
cat > nginx.conf <<END
user root; worker_processes 2; pid $PWD/pid; error_log $PWD/errors warn; events { worker_connections 64; }
http { access_log off; client_body_temp_path $PWD/temp; proxy_temp_path $PWD/temp; fastcgi_temp_path $PWD/temp; uwsgi_temp_path $PWD/temp; scgi_temp_path $PWD/temp;
server { listen 0.0.0.0:${HTTP}; root $PWD/www; } }
END
nginx -p $PWD -c $PWD/nginx.conf -g 'daemon off;' &
redis-server --port ${REDIS} --bind 0.0.0.0 --protected-mode no --save '' --maxmemory 16mb --maxmemory-policy allkeys-lru > redis.log 2>&1 &
n=0
while :; do
  seq 200 | sort -r | grep 7 | wc -l > count; read -r found < count; rm count
  [ "$found" = 38 ] || { echo "wrong: $found"; exit 1; }
  n=$((n+1)); [ $((n % 100)) = 0 ] && echo "loops $n"
  sleep 0.05
done
`;

interface Sample {
  readonly residentBytes: number;
  readonly mappings: number;
  readonly files: number;
}

function sampleOf(pid: number): Sample {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'latin1');
  return {
    residentBytes: Number(read('statm').split(' ')[1]) * 4096,
    mappings: read('maps').split('\n').length - 1,
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Sends `request` over `socket` and waits for `bytes` bytes of answer. */
function ask(socket: Socket, request: string, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const done = (error?: Error) => {
      socket.off('data', onData);
      socket.off('error', done);
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve(received);
    };
    const onData = (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (received.length >= bytes) done();
    };
    const onClose = () => done(new Error('closed'));
    socket.on('data', onData);
    socket.once('error', done);
    socket.once('close', onClose);
    socket.write(request);
  });
}

async function connected(port: number): Promise<Socket> {
  for (let n = 0; ; n++) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (isUp) return socket;
    if (n === 600) throw new Error(`nothing answers at ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const counts = { redis: 0, http: 0, loops: 0 };

async function driveRedis(until: number): Promise<void> {
  const socket = await connected(REDIS);
  for (let n = 0; Date.now() < until; n++) {
    const [key, value] = [`key:${n % 5000}`, `value-${n}`.padEnd(100, '.')];
    const set = `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$100\r\n${value}\r\n`;
    const get = `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`;
    const expected = `+OK\r\n$100\r\n${value}\r\n`;
    const answer = await ask(socket, set + get, expected.length);
    if (answer !== expected) throw new Error(`redis answered ${JSON.stringify(answer)}`);
    counts.redis += 2;
  }
  socket.destroy();
}

/** A connection each, as a browser that comes by. */
async function driveHttp(until: number): Promise<void> {
  while (Date.now() < until) {
    const socket = await connected(HTTP);
    const request = 'GET /ten HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n';
    for (let n = 0; n < 20; n++) {
      const answer = await ask(socket, request, PAGE_BYTES + 100);
      const isRight = answer.startsWith('HTTP/1.1 200') && answer.endsWith('x'.repeat(PAGE_BYTES));
      if (!isRight) throw new Error(`nginx answered ${answer.slice(0, 200)}`);
      counts.http++;
    }
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function instance(folder: string): ChildProcess {
  const { env, options } = placeOfAll(PROGRAMS);
  const given = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const ports = [REDIS, HTTP].flatMap((port) => ['-p', `127.0.0.1:${port}:${port}`]);
  const argv = [
    ...['run', '-v', `${folder}:/w`, '-w', '/w', ...given, ...options, ...ports],
    ...['--', '/bin/bash', '-c', SCRIPT],
  ];
  const child = spawn(CLOISTER, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    if (text.includes('wrong')) throw new Error(`the shell loop: ${text}`);
    for (const [, loops] of text.matchAll(/loops (\d+)/g)) counts.loops = Number(loops);
  });
  return child;
}

const folder = mkdtempSync(join(tmpdir(), 'cloister-soak-'));
writeFileSync(join(folder, 'empty'), '');
const child = instance(folder);
const until = Date.now() + SECONDS * 1000;
const samples: Sample[] = [];
const timer = setInterval(() => {
  samples.push(sampleOf(child.pid as number));
  if (samples.length % 12 !== 0) return;
  const { residentBytes, mappings, files } = samples.at(-1) as Sample;
  const mib = (residentBytes / 2 ** 20).toFixed(1);
  console.log(
    `${samples.length / 12} min: ${mib} MiB resident, ${mappings} mappings, ${files} files; ` +
      `${counts.redis} redis commands, ${counts.http} pages, ${counts.loops} loops`,
  );
}, SAMPLE_MS);
try {
  await Promise.all([driveRedis(until), driveHttp(until)]);
} finally {
  clearInterval(timer);
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
const width = Math.max(1, Math.floor(samples.length * SHARE));
const warm = samples.slice(Math.floor(samples.length * WARM));
const [first, last] = [warm.slice(0, width), warm.slice(-width)];
let hasGrown = false;
for (const name of ['residentBytes', 'mappings', 'files'] as const) {
  const [before, after] = [first, last].map((part) => median(part.map((each) => each[name])));
  const growth = (after as number) / (before as number) - 1;
  if (growth > MOST_GROWTH) hasGrown = true;
  console.log(`${name}: ${before} → ${after}, ${(growth * 100).toFixed(1)} % (bar 5 %)`);
}
process.exit(hasGrown ? 1 : 0);
