import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EADDRINUSE, EAGAIN, ECONNREFUSED, EMSGSIZE, EPIPE } from '../abi/errno.table.ts';
import { POLLHUP, POLLIN, POLLOUT } from '../abi/poll-events.ts';
import { AF, SOCK } from '../abi/socket.ts';
import { Fixture } from '../vfs/testing/fixture.ts';
import { NetStack } from './net-stack.ts';
import { UnixSocket } from './unix-socket.ts';

const ME = { pid: 7, uid: 0, gid: 0 };
const bytes = (text: string) => new TextEncoder().encode(text);

function stack() {
  const fixture = new Fixture();
  const net = new NetStack({
    vfs: fixture.vfs,
    clock: { monotonicNs: () => 0n, nowNs: () => 0, processorNs: () => 0, realtimeNs: () => 0n },
    access: undefined,
    randomBelow: () => 0,
    tellUrgent: () => undefined,
    logOnce: () => undefined,
  });
  const make = (type: number): UnixSocket => {
    const socket = net.create(AF.AF_UNIX, type, 0, fixture.creds, ME, false);
    assert.ok(socket instanceof UnixSocket);
    return socket;
  };
  const pair = (type: number): [UnixSocket, UnixSocket] => {
    const [a, b] = [make(type), make(type)];
    a.pairWith(b);
    return [a, b];
  };
  return { net, make, pair };
}

function read(socket: UnixSocket, length = 100): string | number {
  const target = new Uint8Array(length);
  const count = socket.read(target, 0, length);
  return count < 0 ? count : new TextDecoder().decode(target.subarray(0, count));
}

const write = (socket: UnixSocket, text: string) => socket.write(bytes(text), 0, text.length);

test('a stream pair carries bytes without borders, and ends when a side closes', () => {
  const [a, b] = stack().pair(SOCK.SOCK_STREAM);
  assert.equal(read(b), -EAGAIN);
  write(a, 'one');
  write(a, 'two');
  assert.equal(b.poll() & POLLIN, POLLIN);
  assert.equal(read(b, 4), 'onet');
  assert.equal(read(b), 'wo');
  a.release();
  assert.equal(read(b), '');
  assert.equal(b.poll() & POLLHUP, POLLHUP);
  assert.equal(write(b, 'x'), -EPIPE);
});

test('a full stream takes what fits, then waits for the reader', () => {
  const [a, b] = stack().pair(SOCK.SOCK_STREAM);
  const large = new Uint8Array(300_000);
  assert.equal(a.write(large, 0, large.length), 212_992);
  assert.equal(a.write(large, 0, 1), -EAGAIN);
  assert.equal(a.poll() & POLLOUT, 0);
  assert.equal(b.read(large, 0, 1000), 1000);
  assert.equal(a.poll() & POLLOUT, POLLOUT);
});

test('packets keep their borders and may be empty', () => {
  const [a, b] = stack().pair(SOCK.SOCK_SEQPACKET);
  write(a, 'first');
  write(a, '');
  write(a, 'x'.repeat(50));
  assert.equal(read(b, 2), 'fi');
  assert.equal(read(b), '');
  assert.equal(read(b), 'x'.repeat(50));
  assert.equal(a.write(new Uint8Array(300_000), 0, 300_000), -EMSGSIZE);
});

test('connections wait in the backlog, and know who is at the other end', () => {
  const { net, make } = stack();
  const [server, client] = [make(SOCK.SOCK_STREAM), make(SOCK.SOCK_STREAM)];
  const name = bytes('\0name');
  assert.equal(net.bindAbstract(server, name), 0);
  assert.equal(net.bindAbstract(make(SOCK.SOCK_STREAM), name), -EADDRINUSE);
  assert.equal(client.connect(server), -ECONNREFUSED);
  assert.equal(server.listen(0), 0);
  assert.equal(server.accept(false), -EAGAIN);
  assert.equal(client.connect(server), 0);
  assert.equal(make(SOCK.SOCK_STREAM).connect(server), -EAGAIN);
  write(client, 'early');
  const accepted = server.accept(false);
  assert.ok(accepted instanceof UnixSocket);
  assert.equal(read(accepted), 'early');
  assert.deepEqual(client.peerIdentity, ME);
  server.release();
  assert.equal(net.findAbstract(name), undefined);
});
