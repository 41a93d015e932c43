import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EACCES,
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINPROGRESS,
  EIO,
  EPIPE,
} from '../abi/errno.table.ts';
import { POLLHUP, POLLIN, POLLOUT } from '../abi/poll-events.ts';
import { AF, SOCK } from '../abi/socket.ts';
import { parsePublish } from './access-rules.ts';
import { encodeEndpoint } from './endpoint.ts';
import { ANY4, type Ip, LOOPBACK4, parseIp } from './ip.ts';
import { TcpSocket } from './tcp-socket.ts';
import { CLOSED, netFixture, ScriptedHostSocket } from './testing/fixture.ts';

const ME = { pid: 7, uid: 0, gid: 0 };
const at = (ip: Ip, port: number) => encodeEndpoint(AF.AF_INET, { ip, port });
const bytes = (text: string) => new TextEncoder().encode(text);

function stack(rules?: Parameters<typeof netFixture>[0]) {
  const fixture = netFixture(rules);
  const make = (): TcpSocket => {
    const { net, creds } = fixture;
    const socket = net.create(AF.AF_INET, SOCK.SOCK_STREAM, 0, creds, ME, true);
    assert.ok(socket instanceof TcpSocket);
    return socket;
  };
  const listener = (port = 80, backlog = 5): TcpSocket => {
    const socket = make();
    assert.equal(socket.bind(at(LOOPBACK4, port), fixture.creds), 0);
    assert.equal(socket.listen(backlog), 0);
    return socket;
  };
  const pair = (): [TcpSocket, TcpSocket] => {
    const [server, client] = [listener(), make()];
    assert.equal(client.connect(at(LOOPBACK4, 80)), -EINPROGRESS);
    assert.equal(client.finishConnect(), 0);
    const accepted = server.accept();
    assert.ok(accepted instanceof TcpSocket);
    server.release();
    return [client, accepted];
  };
  return { ...fixture, make, listener, pair };
}

function read(socket: TcpSocket, length = 100): string | number {
  const target = new Uint8Array(length);
  const count = socket.read(target, 0, length);
  return count < 0 ? count : new TextDecoder().decode(target.subarray(0, count));
}
const write = (socket: TcpSocket, text: string) => socket.write(bytes(text), 0, text.length);

test('a connection carries bytes both ways, and ends by halves', () => {
  const [client, server] = stack().pair();
  assert.equal(write(client, 'hello'), 5);
  assert.equal(read(server, 2), 'he');
  assert.equal(read(server), 'llo');
  assert.equal(read(server), -EAGAIN);
  client.shutdown(false, true);
  assert.equal(read(server), '');
  assert.equal(write(client, 'x'), -EPIPE);
  assert.equal(write(server, 'back'), 4);
  assert.equal(read(client), 'back');
  server.shutdown(false, true);
  assert.equal(client.poll() & POLLHUP, POLLHUP);
});

test('close() with unread data resets the peer', () => {
  const [client, server] = stack().pair();
  write(client, 'unread');
  server.release();
  assert.equal(read(client), -ECONNRESET);
  assert.equal(write(client, 'x'), -EPIPE);
});

test('a full receiver stops the sender until two thirds are free', () => {
  const [client, server] = stack().pair();
  const large = new Uint8Array(1 << 20);
  const taken = client.write(large, 0, large.length);
  assert.ok(taken > 0 && taken < large.length);
  assert.equal(client.write(large, 0, 1), -EAGAIN);
  assert.equal(client.poll() & POLLOUT, 0);
  server.read(large, 0, 1000);
  assert.equal(client.poll() & POLLOUT, 0);
  server.read(large, 0, taken);
  assert.equal(client.poll() & POLLOUT, POLLOUT);
});

test('connect() waits for room in the backlog, and is refused when the listener goes', () => {
  const { make, listener } = stack();
  const server = listener(80, 0);
  const clients = [make(), make(), make()];
  for (const client of clients) assert.equal(client.connect(at(LOOPBACK4, 80)), -EINPROGRESS);
  assert.deepEqual(
    clients.map((client) => client.finishConnect()),
    [0, -EAGAIN, -EAGAIN],
  );
  assert.ok(server.accept() instanceof TcpSocket);
  assert.equal(clients[1]?.finishConnect(), 0);
  server.release();
  assert.equal(clients[2]?.finishConnect(), -ECONNREFUSED);
});

test('ports are held while a connection lives, and free afterwards', () => {
  const { pair, make, creds } = stack();
  const [client, server] = pair();
  assert.equal(make().bind(at(LOOPBACK4, 80), creds), -EADDRINUSE);
  client.release();
  server.release();
  assert.equal(make().bind(at(LOOPBACK4, 80), creds), 0);
});

test('without a network nothing of the host is opened, and one line says so', () => {
  const { make, host, logged } = stack();
  const far = parseIp('192.0.2.1') as Ip;
  assert.equal(make().connect(at(far, 443)), -101);
  assert.equal(host.opened.length, 0);
  assert.match(logged.join('\n'), /192\.0\.2\.1 port 443/);
});

test('rules refuse a destination and a port before the host hears of them', () => {
  const { make, host, creds } = stack({ ...CLOSED, isOpen: true, connect: [], listen: [] });
  assert.equal(make().connect(at(parseIp('192.0.2.1') as Ip, 443)), -EACCES);
  const server = make();
  assert.equal(server.bind(at(ANY4, 8080), creds), 0);
  assert.equal(server.listen(1), -EACCES);
  assert.equal(host.opened.length, 0);
});

test('a published port is bound at once, and accepted from by its listener', () => {
  const published = parsePublish('127.0.0.1:8080:80') ?? [];
  const { make, host, creds } = stack({ ...CLOSED, published });
  const [hostListener] = host.opened;
  assert.equal(hostListener?.bound[0]?.port, 8080);
  const server = make();
  server.bind(at(ANY4, 80), creds);
  assert.equal(server.listen(5), 0);
  const socket = new ScriptedHostSocket();
  const remote = { ip: LOOPBACK4, port: 5000 };
  hostListener?.accepted.push({ socket, remote, local: { ip: LOOPBACK4, port: 8080 } });
  if (hostListener) hostListener.events = POLLIN;
  assert.equal(server.poll() & POLLIN, POLLIN);
  const accepted = server.accept();
  assert.ok(accepted instanceof TcpSocket);
  assert.deepEqual(accepted.remote, remote);
  assert.equal(accepted.local.port, 80);
  assert.equal(server.accept(), -EAGAIN);
});

test('counts of a lying host are no more than was asked for', () => {
  const { make, host } = stack({ ...CLOSED, isOpen: true });
  const client = make();
  assert.equal(client.connect(at(parseIp('192.0.2.1') as Ip, 443)), -EINPROGRESS);
  assert.equal(client.finishConnect(), 0);
  const [socket] = host.opened;
  assert.ok(socket);
  for (const lie of [11, 2 ** 40, Number.NaN, -5000, 1.5]) {
    socket.receiveResult = lie;
    socket.sendResult = lie;
    assert.equal(read(client, 10), -EIO, String(lie));
    assert.equal(write(client, '0123456789'), -EIO, String(lie));
  }
});
