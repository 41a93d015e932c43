/**
 * `npm run bench -- net [ROW …]`: servers of the distribution, natively, under Cloister and under
 * qemu-x86_64 (where installed), each driven in turn by the same native client over the loopback of
 * this machine. Requests a second, medians of one interleaved run; ratios to native.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath, placeOfAll, program } from '../test/support/packages.ts';
import { median } from './measure.ts';

const CLOISTER = new URL('../bin/cloister', import.meta.url).pathname;
const ROUNDS = 5;

interface Server {
  /** Command line for a port. `folder` is where its files are, at the same path inside. */
  argv(port: number, folder: string): readonly string[];
  prepare(folder: string, port: number): void;
  /** What must be on this machine. */
  readonly needs?: string;
  /** It begins with an execve, which the emulator leaves to the host: a figure would say nothing. */
  readonly skipsQemu?: true;
  /** After it has started. */
  fill?(port: number): void;
}

interface Row {
  readonly name: string;
  readonly server: keyof typeof SERVERS;
  readonly bar: number;
  /** The client's command line. */
  client(port: number): readonly string[];
  /** Requests a second in what the client prints. */
  readonly figure: RegExp;
}

const POSTGRES_FOLDER = '/usr/lib/postgresql';
const NOBODY = 65_534;
const postgresBin = (): string =>
  join(POSTGRES_FOLDER, readdirSync(POSTGRES_FOLDER).sort().at(-1) as string, 'bin');
/** PostgreSQL refuses to run as root. */
const asNobody = (): string[] =>
  process.getuid?.() === 0
    ? ['/usr/bin/setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
    : [];
const pgbench = (port: number): string[] => [
  join(postgresBin(), 'pgbench'),
  ...['-h', '127.0.0.1', '-p', String(port), '-U', 'pg'],
];

function run(command: readonly string[], cwd?: string): void {
  const [program, ...args] = command as [string, ...string[]];
  execFileSync(program, args, { stdio: 'ignore', ...(cwd === undefined ? {} : { cwd }) });
}

const SERVERS = {
  redis: {
    argv: (port) => {
      const flags = ['--save', '', '--appendonly', 'no', '--protected-mode', 'no'];
      return [program('redis-server', 'redis-server'), '--port', String(port), ...flags];
    },
    prepare: () => undefined,
  },
  nginx: {
    argv: (_port, folder) => [
      program('nginx', 'nginx-light'),
      ...['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;'],
    ],
    prepare: (folder, port) => {
      writeFileSync(join(folder, 'ten'), 'x'.repeat(10_240));
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder};`)
        .join(' ');
      writeFileSync(
        join(folder, 'nginx.conf'),
        `user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/errors;
         events { worker_connections 1024; }
         http { access_log off; sendfile on; keepalive_requests 1000000; ${temporary}
         server { listen ${port}; root ${folder}; } }`,
      );
    },
  },
  postgres: {
    ...{ needs: POSTGRES_FOLDER, skipsQemu: true },
    argv: (port, folder) => [
      ...[...asNobody(), join(postgresBin(), 'postgres'), '-D', join(folder, 'db')],
      ...['-p', String(port), '-k', '', '-h', '0.0.0.0', '-c', 'shared_buffers=128MB'],
    ],
    prepare: (folder) => {
      if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY);
      const flags = [
        '-D',
        join(folder, 'db'),
        '-U',
        'pg',
        '-A',
        'trust',
        '--no-sync',
        '--locale=C',
      ];
      run([...asNobody(), join(postgresBin(), 'initdb'), ...flags], folder);
    },
    fill: (port) => {
      const ready = `${join(postgresBin(), 'pg_isready')} -q -h 127.0.0.1 -p ${port}`;
      run(['/bin/sh', '-c', `until ${ready}; do sleep 0.1; done`]);
      run([...pgbench(port), '-i', '-s', '10', '-q', 'postgres']);
    },
  },
} as const satisfies Record<string, Server>;

/** Programs of the rows, and the packages that have them. */
const PACKAGES = {
  ...{ 'redis-server': 'redis-server', 'redis-benchmark': 'redis-tools' },
  ...{ nginx: 'nginx-light', ab: 'apache2-utils' },
};

const redis = (
  name: string,
  bar: number,
  command: string,
  requests: number,
  more: string[],
): Row => ({
  name: `redis ${name}`,
  ...{ server: 'redis', bar, figure: new RegExp(`${command.toUpperCase()}: ([\\d.]+) requests`) },
  client: (port) => [
    program('redis-benchmark', 'redis-tools'),
    ...['-p', String(port), '-c', '50', '-n', String(requests), '-t', command, '-q', ...more],
  ],
});

const ab = (name: string, clients: number, requests: number, more: string[]): Row => ({
  name: `nginx 10 KB ${name}`,
  ...{ server: 'nginx', bar: 0.35, figure: /Requests per second:\s+([\d.]+)/ },
  client: (port) => [
    program('ab', 'apache2-utils'),
    ...[
      '-q',
      '-n',
      String(requests),
      '-c',
      String(clients),
      ...more,
      `http://127.0.0.1:${port}/ten`,
    ],
  ],
});

const ROWS: readonly Row[] = [
  redis('SET, 50 clients', 0.5, 'set', 40_000, []),
  redis('GET, 50 clients', 0.5, 'get', 40_000, []),
  redis('SET, pipeline 16', 0.7, 'set', 300_000, ['-P', '16']),
  redis('GET, pipeline 16', 0.7, 'get', 300_000, ['-P', '16']),
  ab('64 connections, kept', 64, 20_000, ['-k']),
  ab('64 connections, new', 64, 10_000, []),
  ...[1, 4, 16, 256].map((clients) => ab(`${clients} clients, kept`, clients, 10_000, ['-k'])),
  {
    ...{ name: 'pgbench, 1 client, selects', server: 'postgres', bar: 0.4 },
    client: (port) => [...pgbench(port), '-S', '-n', '-c', '1', '-T', '4', 'postgres'],
    figure: /tps = ([\d.]+)/,
  },
];

interface Running {
  readonly name: string;
  readonly port: number;
  readonly folder: string;
  readonly child: ChildProcess;
}

async function isUp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Starts one contestant's server and waits until it listens. */
async function start(name: string, server: Server, port: number): Promise<Running | undefined> {
  const folder = mkdtempSync(join(tmpdir(), `cloister-net-${name}-`));
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  server.prepare(folder, port);
  const plain = server.argv(port, folder);
  const { env, options } = placeOfAll(PACKAGES);
  const flags = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const wrapped: Readonly<Record<string, readonly string[]>> = {
    native: plain,
    cloister: [
      ...[CLOISTER, 'run', '--network', 'host', '-v', `${folder}:${folder}`],
      ...[...options, ...flags, '--', ...plain],
    ],
    qemu: ['qemu-x86_64', ...plain],
  };
  const [command, ...args] = wrapped[name] as [string, ...string[]];
  const child = spawn(command, args, {
    stdio: 'ignore',
    cwd: folder,
    env: { ...process.env, ...env },
  });
  for (let i = 0; i < 600 && child.exitCode === null; i++) {
    if (await isUp(port)) return { name, port, folder, child };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  return undefined;
}

async function stop({ child, folder }: Running): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  if (child.exitCode === null && child.signalCode === null) await ended;
  clearTimeout(timer);
  rmSync(folder, { recursive: true, force: true });
}

function once(row: Row, port: number): number {
  const [command, ...args] = row.client(port) as [string, ...string[]];
  const env = { ...process.env, ...placeOfAll(PACKAGES).env };
  const run = spawnSync(command, args, { encoding: 'latin1', timeout: 120_000, env });
  return Number(row.figure.exec(run.stdout)?.[1] ?? Number.NaN);
}

/** Rates of all contestants, in turn; the first round only warms. */
function measure(row: Row, running: readonly Running[]): Map<string, number> {
  const rates = new Map<string, number[]>(running.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const { name, port } of running) {
      const rate = once(row, port);
      if (round > 0) rates.get(name)?.push(rate);
    }
  return new Map([...rates].map(([name, values]) => [name, median(values)]));
}

export async function benchNet(wanted: readonly string[]): Promise<void> {
  const contestants = ['native', 'cloister', ...(onPath('qemu-x86_64') ? ['qemu'] : [])];
  console.log('row                            native/s   cloister÷   qemu÷    bar');
  let port = 33_000 + (process.pid % 1000) * 8;
  for (const name of ['redis', 'nginx', 'postgres'] as const) {
    const rows = ROWS.filter(
      (row) =>
        row.server === name && (wanted.length === 0 || wanted.some((w) => row.name.includes(w))),
    );
    if (rows.length === 0) continue;
    const { needs, fill, skipsQemu }: Server = SERVERS[name];
    if (needs !== undefined && !existsSync(needs)) {
      console.log(`${name}: ${needs} is not there`);
      continue;
    }
    const running: Running[] = [];
    try {
      for (const contestant of contestants) {
        if (skipsQemu && contestant === 'qemu') continue;
        const one = await start(contestant, SERVERS[name], port++);
        if (one === undefined) console.log(`${name}: ${contestant} did not start`);
        else {
          fill?.(one.port);
          running.push(one);
        }
      }
      for (const row of rows) {
        const rates = measure(row, running);
        const native = rates.get('native') ?? Number.NaN;
        const ratio = (who: string) => ((rates.get(who) ?? Number.NaN) / native).toFixed(2);
        const cells = [ratio('cloister').padStart(9), ratio('qemu').padStart(7)];
        const rate = native.toFixed(0).padStart(9);
        console.log(`${row.name.padEnd(28)} ${rate}   ${cells.join('  ')}   ${row.bar.toFixed(2)}`);
      }
    } finally {
      for (const one of running) await stop(one);
    }
  }
}
