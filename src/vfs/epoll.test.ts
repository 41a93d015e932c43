import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EEXIST, ELOOP, ENOENT, EPERM } from '../abi/errno.table.ts';
import { O_CREAT, O_RDWR } from '../abi/file-flags.ts';
import { EPOLLET, EPOLLONESHOT, POLLHUP, POLLIN, POLLOUT } from '../abi/poll-events.ts';
import { PipeFs } from '../fs/pipefs/pipefs.ts';
import { ROOT_CREDENTIALS } from './credentials.ts';
import { EpollFile } from './epoll.ts';
import { Fixture } from './testing/fixture.ts';

function setup() {
  const fixture = new Fixture();
  const pipes = new PipeFs(fixture.vfs, fixture.clock);
  const [reader, writer] = pipes.makePipe(ROOT_CREDENTIALS, 0);
  return { fixture, reader, writer, epoll: new EpollFile(fixture.vfs, ROOT_CREDENTIALS) };
}

function events(epoll: EpollFile, max = 10): [number, number][] {
  const seen: [number, number][] = [];
  const count = epoll.harvest(max, { emit: (what, low) => seen.push([what, low]) });
  assert.equal(count, seen.length);
  return seen;
}

const byte = new Uint8Array(1);

test('level-triggered events stay until they are dealt with', () => {
  const { epoll, reader, writer } = setup();
  assert.equal(epoll.add(reader, 3, POLLIN, 7, 0), 0);
  assert.equal(epoll.add(reader, 3, POLLIN, 7, 0), -EEXIST);
  assert.deepEqual(events(epoll), []);
  writer.write(byte, 0, 1);
  assert.equal(epoll.poll() & POLLIN, POLLIN);
  assert.deepEqual(events(epoll), [[POLLIN, 7]]);
  assert.deepEqual(events(epoll), [[POLLIN, 7]]);
  reader.read(byte, 0, 1);
  assert.deepEqual(events(epoll), []);
  assert.equal(epoll.remove(reader, 3), 0);
  assert.equal(epoll.remove(reader, 3), -ENOENT);
});

test('edge-triggered events come once a change', () => {
  const { epoll, reader, writer } = setup();
  epoll.add(reader, 3, POLLIN | EPOLLET, 1, 0);
  writer.write(byte, 0, 1);
  assert.deepEqual(events(epoll), [[POLLIN, 1]]);
  assert.deepEqual(events(epoll), []);
  writer.write(byte, 0, 1);
  assert.deepEqual(events(epoll), [[POLLIN, 1]]);
});

test('one-shot items sleep until they are armed again', () => {
  const { epoll, reader, writer } = setup();
  epoll.add(reader, 3, POLLIN | EPOLLONESHOT, 1, 0);
  writer.write(byte, 0, 1);
  assert.equal(events(epoll).length, 1);
  writer.write(byte, 0, 1);
  assert.equal(events(epoll).length, 0);
  assert.equal(epoll.modify(reader, 3, POLLIN | EPOLLONESHOT, 2, 0), 0);
  assert.deepEqual(events(epoll), [[POLLIN, 2]]);
});

test('a hang-up is reported without being asked for', () => {
  const { epoll, reader, writer } = setup();
  epoll.add(reader, 3, 0, 1, 0);
  writer.release();
  assert.deepEqual(events(epoll), [[POLLHUP, 1]]);
});

test('closing a file takes it out of every set', () => {
  const { epoll, reader, writer } = setup();
  epoll.add(reader, 3, POLLIN, 1, 0);
  writer.write(byte, 0, 1);
  reader.release();
  assert.deepEqual(events(epoll), []);
});

test('sets nest, but not in circles, and refuse regular files', () => {
  const { fixture, epoll, reader, writer } = setup();
  const outer = new EpollFile(fixture.vfs, ROOT_CREDENTIALS);
  assert.equal(outer.add(epoll, 4, POLLIN, 9, 0), 0);
  assert.equal(epoll.add(outer, 5, POLLIN, 0, 0), -ELOOP);
  epoll.add(reader, 3, POLLIN, 1, 0);
  writer.write(byte, 0, 1);
  assert.deepEqual(events(outer), [[POLLIN, 9]]);
  assert.equal(epoll.add(fixture.mustOpen('/f', O_CREAT | O_RDWR), 6, POLLIN, 0, 0), -EPERM);
});

test('a small maximum serves all ready files in turn', () => {
  const { fixture, epoll } = setup();
  const pipes = new PipeFs(fixture.vfs, fixture.clock);
  for (let i = 0; i < 3; i++) {
    const [, writer] = pipes.makePipe(ROOT_CREDENTIALS, 0);
    epoll.add(writer, i, POLLOUT, i, 0);
  }
  const seen = [events(epoll, 1), events(epoll, 1), events(epoll, 1)].map((e) => e[0]?.[1]);
  assert.deepEqual(seen.sort(), [0, 1, 2]);
});
