import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, ECONNREFUSED, EDESTADDRREQ, EMSGSIZE, ENETUNREACH } from '../abi/errno.table.ts';
import { AF, MSG, SOCK } from '../abi/socket.ts';
import { PLAIN_SENDING, plainReception } from './addressed-socket.ts';
import { encodeEndpoint } from './endpoint.ts';
import { type Ip, LOOPBACK4, parseIp } from './ip.ts';
import { netFixture } from './testing/fixture.ts';
import { UdpSocket } from './udp-socket.ts';

const at = (ip: Ip, port: number) => encodeEndpoint(AF.AF_INET, { ip, port });

function stack() {
  const { net, creds, logged } = netFixture();
  const make = (port?: number): UdpSocket => {
    const owner = { pid: 7, uid: 0, gid: 0 };
    const socket = net.create(AF.AF_INET, SOCK.SOCK_DGRAM, 0, creds, owner, true);
    assert.ok(socket instanceof UdpSocket);
    if (port !== undefined) assert.equal(socket.bind(at(LOOPBACK4, port), creds), 0);
    return socket;
  };
  return { make, logged };
}

const send = (socket: UdpSocket, length: number, to?: Uint8Array) =>
  socket.send(new Uint8Array(length).fill(length), 0, length, { ...PLAIN_SENDING, to });

test('datagrams keep their bounds, their senders and their order', () => {
  const { make } = stack();
  const [a, b] = [make(1000), make(2000)];
  assert.equal(send(b, 3, at(LOOPBACK4, 1000)), 3);
  assert.equal(send(b, 0, at(LOOPBACK4, 1000)), 0);
  const target = new Uint8Array(10);
  const how = plainReception(MSG.MSG_TRUNC);
  assert.equal(a.receive(target, 0, 2, how), 3);
  assert.equal(how.resultFlags, MSG.MSG_TRUNC);
  assert.deepEqual(how.from, at(LOOPBACK4, 2000));
  assert.equal(a.read(target, 0, 10), 0);
  assert.equal(a.read(target, 0, 10), -EAGAIN);
});

test('a connected socket hears of nobody at the other end, and filters', () => {
  const { make } = stack();
  const [a, b, c] = [make(1000), make(2000), make(3000)];
  assert.equal(send(a, 1), -EDESTADDRREQ);
  assert.equal(a.connect(at(LOOPBACK4, 2000)), 0);
  assert.equal(send(c, 5, at(LOOPBACK4, 1000)), 5);
  assert.equal(a.read(new Uint8Array(9), 0, 9), -EAGAIN);
  b.release();
  assert.equal(send(a, 1), 1);
  assert.equal(send(a, 1), -ECONNREFUSED);
});

test('a full buffer drops; what is too long, or leads outside, is refused', () => {
  const { make, logged } = stack();
  const [a, b] = [make(1000), make()];
  for (let i = 0; i < 100; i++) assert.equal(send(b, 60_000, at(LOOPBACK4, 1000)), 60_000);
  const target = new Uint8Array(65_536);
  let got = 0;
  while (a.read(target, 0, target.length) > 0) got++;
  assert.ok(got > 0 && got < 100);
  assert.equal(send(b, 65_508, at(LOOPBACK4, 1000)), -EMSGSIZE);
  assert.equal(send(b, 1, at(parseIp('192.0.2.1') as Ip, 53)), -ENETUNREACH);
  assert.match(logged.join(), /192\.0\.2\.1 port 53/);
});
