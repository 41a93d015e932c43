import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EAGAIN, ENXIO, EPIPE } from '../../abi/errno.table.ts';
import { O_NONBLOCK, O_RDONLY, O_WRONLY } from '../../abi/file-flags.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../../abi/poll-events.ts';
import { ROOT_CREDENTIALS } from '../../vfs/credentials.ts';
import { mknodAt } from '../../vfs/names.ts';
import { Path } from '../../vfs/path.ts';
import { Fixture } from '../../vfs/testing/fixture.ts';
import { Pipe } from './pipe.ts';
import { PipeFile } from './pipe-file.ts';
import { PipeFs } from './pipefs.ts';

const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), size: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ kind: fc.constant('write' as const), size: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('read' as const), size: fc.integer({ min: 1, max: 50_000 }) }),
  fc.record({ kind: fc.constant('splice' as const), size: fc.integer({ min: 1, max: 9000 }) }),
);

test('a pipe behaves like a queue of bytes, small writes all or nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pipe = new Pipe();
      pipe.addEnd(true, true);
      const model: number[] = [];
      let next = 0;
      for (const { kind, size } of steps) {
        if (kind === 'write') {
          const data = new Uint8Array(size).map((_, i) => next + i);
          const count = pipe.write(data, 0, size);
          const room = 65_536 - model.length;
          const expected = size <= 4096 ? (room >= size ? size : -EAGAIN) : Math.min(size, room);
          assert.equal(count, expected === 0 ? -EAGAIN : expected);
          for (let i = 0; i < count; i++) model.push(data[i] as number);
          if (count > 0) next += count;
        } else if (kind === 'read') {
          const target = new Uint8Array(size + 3);
          const count = pipe.read(target, 3, size);
          const wanted = model.splice(0, size);
          assert.equal(count, wanted.length === 0 ? -EAGAIN : wanted.length);
          assert.deepEqual([...target.subarray(3, 3 + wanted.length)], wanted);
        } else {
          const view = pipe.peek(0, size);
          assert.deepEqual([...view], model.splice(0, view.length));
          pipe.consume(view.length);
        }
        assert.equal(pipe.length, model.length);
      }
    }),
    { numRuns: 100 },
  );
});

test('packet mode keeps packets apart and drops what a read leaves', () => {
  const pipe = new Pipe();
  pipe.addEnd(true, true);
  pipe.write(new Uint8Array([1, 2, 3]), 0, 3, true);
  pipe.write(new Uint8Array([4]), 0, 1, true);
  const target = new Uint8Array(10);
  assert.equal(pipe.read(target, 0, 2), 2);
  assert.equal(pipe.read(target, 0, 10), 1);
  assert.equal(target[0], 4);
});

test('the ends of a pipe tell each other that they are gone', () => {
  const { vfs, clock } = new Fixture();
  const [reader, writer] = new PipeFs(vfs, clock).makePipe(ROOT_CREDENTIALS, 0);
  assert.equal(reader.poll() & (POLLIN | POLLHUP), 0);
  assert.equal(writer.poll() & (POLLOUT | POLLERR), POLLOUT);
  const byte = new Uint8Array(1);
  writer.write(byte, 0, 1);
  writer.release();
  assert.equal(reader.poll() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
  assert.equal(reader.read(byte, 0, 1), 1);
  assert.equal(reader.read(byte, 0, 1), 0);

  const [reader2, writer2] = new PipeFs(vfs, clock).makePipe(ROOT_CREDENTIALS, 0);
  reader2.release();
  assert.equal(writer2.write(byte, 0, 1), -EPIPE);
  assert.equal(writer2.poll() & POLLERR, POLLERR);
});

test('opening a FIFO waits for the other end', () => {
  const fixture = new Fixture();
  const pipes = new PipeFs(fixture.vfs, fixture.clock);
  fixture.vfs.nodeOpener = {
    makePipe: (who, flags) => pipes.makePipe(who, flags),
    openFifo: (request) => pipes.openFifo(request),
    openDevice: () => -ENXIO,
  };
  assert.equal(mknodAt(fixture.vfs, fixture, undefined, new Path('/p'), 0o010644, 0), 0);
  assert.equal(fixture.open('/p', O_WRONLY | O_NONBLOCK), -ENXIO);
  const reader = fixture.mustOpen('/p', O_RDONLY);
  assert.ok(reader instanceof PipeFile);
  assert.equal(reader.isPending, true);
  const writer = fixture.mustOpen('/p', O_WRONLY);
  assert.equal(writer.isPending, false);
  assert.equal(reader.isPending, false);
  const quick = fixture.mustOpen('/p', O_RDONLY | O_NONBLOCK);
  assert.equal(quick.isPending, false);
});
