/**
 * Real servers driven by real clients. Over the loopback: the same script natively and inside, equal
 * in all that is observable. From this machine: published ports and the host's network.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { CLOISTER, compareRuns, NO_GUESTS } from '../guests/harness.ts';
import { placeOfAll } from '../support/packages.ts';
import { PRELUDE, SERVER_CASES, type ServerCase } from './servers.cases.ts';

/** Set by `npm run long`. */
const isLong = Number(process.env['CLOISTER_LONG'] ?? 1) > 1;

/** Runs at the same time on one machine must not meet. */
let nextPort = 20_000 + (process.pid % 4000) * 3;
function takePort(): number {
  nextPort += 3;
  return nextPort;
}

const LONG: string | false = isLong ? NO_GUESTS : 'npm run long -- servers';

function skipOf({ isLong: needsLong, needs }: ServerCase): string | false {
  if (needsLong === true && !isLong) return LONG;
  if (needs !== undefined && !existsSync(needs)) return `${needs} is not on this machine`;
  return NO_GUESTS;
}

for (const one of SERVER_CASES)
  test(one.name, { skip: skipOf(one) }, () => {
    const { programs, script } = one;
    const { env, options } = placeOfAll(programs);
    compareRuns({
      argv: ['/bin/bash', '-c', PRELUDE + script],
      env: { ...env, PORT: String(takePort()), PYTHONDONTWRITEBYTECODE: '1' },
      options,
      timeoutS: one.isLong === true ? 900 : 300,
    });
  });

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `cloister run`; `ready` is called when the guest prints its first line. */
function runGuest(
  options: readonly string[],
  argv: readonly string[],
  ready?: (kill: () => void) => void,
): Promise<Ended> {
  const guest = spawn(CLOISTER, ['run', ...options, '--', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  guest.stdout.once('data', () => ready?.(() => guest.kill('SIGKILL')));
  guest.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('latin1');
  });
  guest.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1');
  });
  return new Promise((resolve) =>
    guest.once('close', (status) => resolve({ status, stdout, stderr })),
  );
}

/** Runs `during` while a guest serves. */
async function withServer(
  options: readonly string[],
  argv: readonly string[],
  during: () => Promise<void>,
): Promise<void> {
  let outcome: Promise<void> | undefined;
  const ended = await runGuest(options, argv, (kill) => {
    outcome = during().finally(kill);
    outcome.catch(() => undefined);
  });
  assert.ok(outcome, `the guest did not serve: ${ended.stderr}`);
  await outcome;
}

/** Sends `text`, half-closes, and gives everything that comes back. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    let received = '';
    socket.setTimeout(60_000, () => socket.destroy(new Error('nothing came')));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.once('end', () => resolve(received));
    socket.once('error', reject);
    socket.end(text);
  });
}

function listening(server: Server, host: string): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
}

/** Says who called and how much they sent, and sends it back in capitals. */
const ECHO = `
import socket, sys, threading
s = socket.socket(socket.AF_INET6 if sys.argv[1] == '::' else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(50); print('ready', flush=True)
def serve(c, a):
    total = b''
    while d := c.recv(65536): total += d
    c.sendall(('%s %d ' % (a[0], len(total))).encode() + total.upper()); c.close()
while True: threading.Thread(target=serve, args=s.accept(), daemon=True).start()
`;
const python = (code: string, ...args: string[]) => ['/usr/bin/python3', '-c', code, ...args];

test('-p leads a port of this machine to the guest', { skip: NO_GUESTS }, async () => {
  const port = takePort();
  await withServer(['-p', `127.0.0.1:${port}:80`], python(ECHO, '0.0.0.0', '80'), async () => {
    assert.equal(await exchange(port, 'hello'), '127.0.0.1 5 HELLO');
    const large = 'abcdefgh'.repeat(100_000);
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(port, large)));
    for (const answer of answers) assert.equal(answer, `127.0.0.1 800000 ${large.toUpperCase()}`);
  });
});

test('--network host listens on this machine', { skip: NO_GUESTS }, async () => {
  const port = takePort();
  await withServer(['--network', 'host'], python(ECHO, '::', String(port)), async () => {
    assert.match(await exchange(port, 'dual'), / 4 DUAL$/);
  });
});

const UDP = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 53)); print('ready', flush=True)
while True:
    d, a = s.recvfrom(1000); s.sendto(d[::-1], a)
`;

test('-p leads datagrams to the guest and back', { skip: NO_GUESTS }, async () => {
  const { createSocket } = await import('node:dgram');
  const port = takePort();
  await withServer(['-p', `127.0.0.1:${port}:53/udp`], python(UDP), async () => {
    const socket = createSocket('udp4');
    try {
      const answer = new Promise<string>((resolve) =>
        socket.once('message', (message) => resolve(message.toString())),
      );
      socket.send('datagram', port, '127.0.0.1');
      assert.equal(await answer, 'margatad');
    } finally {
      socket.close();
    }
  });
});

const CONNECT = `
import socket, sys
try:
    c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
    c.sendall(b'from inside'); c.shutdown(1); print(c.recv(100).decode())
except OSError as e: print(type(e).__name__, e.errno)
`;

const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

test('a guest reaches the network only with --network host', { skip: NO_GUESTS }, async (t) => {
  const address = ownAddress();
  if (address === undefined) return t.skip('this machine has no address but its loopback');
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => socket.end(chunk.toString().toUpperCase()));
    socket.on('error', () => undefined);
  });
  const port = String(await listening(server, address));
  try {
    const open = await runGuest(['--network', 'host'], python(CONNECT, address, port));
    assert.equal(open.stdout, 'FROM INSIDE\n', open.stderr);
    const closed = await runGuest([], python(CONNECT, address, port));
    assert.equal(closed.stdout, 'OSError 101\n');
    assert.match(closed.stderr, new RegExp(`connecting to ${address} port ${port} is refused`));
  } finally {
    server.close();
  }
});

test('a published port that is taken ends the run with a message', {
  skip: NO_GUESTS,
}, async () => {
  const server = createServer();
  const port = await listening(server, '127.0.0.1');
  try {
    const ended = await runGuest(['-p', `127.0.0.1:${port}:80`], ['/bin/true']);
    assert.equal(ended.status, 125);
    assert.match(ended.stderr, new RegExp(`-p 127.0.0.1:${port}/tcp`));
  } finally {
    server.close();
  }
});

const NAME_SERVER = `
cat > dns.py <<END
import socket, struct, threading
def answer(q):
    at = 12; labels = []
    while q[at]: labels.append(q[at+1:at+1+q[at]].decode()); at += q[at] + 1
    kind = struct.unpack('>H', q[at+1:at+3])[0]; name = '.'.join(labels)
    data = {1: socket.inet_aton('192.0.2.7'), 28: socket.inet_pton(socket.AF_INET6, '2001:db8::7')}.get(kind)
    if name != 'server.test': return q[:2] + b'\\x81\\x83' + q[4:6] + bytes(6) + q[12:at+5]
    rr = b'' if data is None else b'\\xc0\\x0c' + struct.pack('>HHIH', kind, 1, 60, len(data)) + data
    return q[:2] + b'\\x81\\x80' + q[4:6] + struct.pack('>HHH', 1 if rr else 0, 0, 0) + q[12:at+5] + rr
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 53)); print('ready', flush=True)
while True:
    d, a = u.recvfrom(4096); u.sendto(answer(d), a)
END
echo 'nameserver 127.0.0.1' > /etc/resolv.conf; mkfifo ready; python3 dns.py > ready & server=$!; read _ < ready
getent ahosts server.test; getent hosts nosuch.test || echo "none $?"; python3 -c 'import socket; print(sorted({i[4][0] for i in socket.getaddrinfo("server.test", 80)}))'; kill $server
`;

test('names are asked of the name server in /etc/resolv.conf', { skip: LONG }, async () => {
  const argv = ['/bin/bash', '-c', NAME_SERVER];
  const { stdout, stderr } = await runGuest(['-w', '/tmp'], argv);
  const lines = stdout.trim().split('\n');
  assert.ok(
    lines.some((line) => /^192\.0\.2\.7 +STREAM/.test(line)),
    stdout + stderr,
  );
  assert.ok(lines.includes('none 2'), stdout);
  assert.equal(lines.at(-1), "['192.0.2.7', '2001:db8::7']");
});

/** Keys, a command, data through, a terminal, a forwarded port. */
const SSH = `${PRELUDE}
cd /tmp; mkdir -p /root/.ssh; chmod 700 /root /root/.ssh; dropbearkey -t ed25519 -f host > /dev/null 2>&1
dropbearkey -t ed25519 -f /root/.ssh/id 2> /dev/null | grep ^ssh > /root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys
dropbear -r host -F -E -p 127.0.0.1:2222 2> log & server=$!; up 2222
run() { dbclient -y -y -i /root/.ssh/id -p 2222 "$@" 2> /dev/null; }
run root@127.0.0.1 'echo "hello $((6*7))"; tty; exit 7'; echo "exit $?"
seq 20000 | run root@127.0.0.1 md5sum; seq 20000 | md5sum
script -qec "dbclient -y -y -i /root/.ssh/id -p 2222 -t root@127.0.0.1 'tty | cut -c1-9; exit 3' 2> /dev/null" /dev/null < /dev/null | tr -d '\\r'
python3 -m http.server --bind 127.0.0.1 --directory /root/.ssh 2224 > /dev/null 2>&1 & web=$!; up 2224
run -N -L 2223:127.0.0.1:2224 root@127.0.0.1 & tunnel=$!; up 2223; curl -s http://127.0.0.1:2223/authorized_keys | cut -c1-11
kill $server $web $tunnel; wait $server; echo "exit $?"; grep -q 'Pubkey auth succeeded' log && echo authenticated
`;

test('dropbear: a session, a terminal, a forwarded port', { skip: LONG }, async () => {
  const { env, options } = placeOfAll({ dropbear: 'dropbear-bin', curl: 'curl' });
  const given = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const { stdout, stderr } = await runGuest([...options, ...given], ['/bin/bash', '-c', SSH]);
  const sum = 'e071f707df7bbeee2a6a1eb48011ddd0  -';
  const lines = ['hello 42', 'not a tty', 'exit 7', sum, sum, '/dev/pts/', 'ssh-ed25519'];
  assert.equal(stdout, [...lines, 'exit 1', 'authenticated', ''].join('\n'), stderr);
});
