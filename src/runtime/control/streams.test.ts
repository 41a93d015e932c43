import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EPIPE } from '../../abi/errno.table.ts';
import { ControlError, MAX_DATA_BYTES } from './frames.ts';
import { INPUT_WINDOW_BYTES, InputStream, OUTPUT_BYTES, OutputStream } from './streams.ts';

test('input: a client that passes its window is refused, and reading opens it again', () => {
  let granted = 0;
  const input = new InputStream(true, (bytes) => {
    granted += bytes;
  });
  const target = new Uint8Array(INPUT_WINDOW_BYTES);
  assert.equal(input.read(target, 0, 10), -EAGAIN);
  for (let sent = 0; sent < INPUT_WINDOW_BYTES; sent += MAX_DATA_BYTES)
    input.receive(new Uint8Array(MAX_DATA_BYTES).fill(7));
  assert.throws(() => input.receive(new Uint8Array(1)), ControlError);
  assert.equal(input.read(target, 0, target.length), INPUT_WINDOW_BYTES);
  assert.equal(granted, INPUT_WINDOW_BYTES);
  input.receive(Uint8Array.of(1, 2, 3));
  assert.equal(input.read(target, 1, 2), 2);
  assert.deepEqual([...target.subarray(0, 3)], [7, 1, 2]);
  input.end();
  assert.equal(input.read(target, 0, 9), 1);
  assert.equal(input.read(target, 0, 9), 0);
  assert.throws(() => input.receive(new Uint8Array(1)), ControlError);
});

test('input: empty where the client has none', () => {
  const input = new InputStream(false, () => assert.fail('nothing to grant'));
  assert.equal(input.isReadable(), true);
  assert.equal(input.read(new Uint8Array(1), 0, 1), 0);
  assert.throws(() => input.receive(new Uint8Array(1)), ControlError);
});

test('output: waits for a client that takes nothing, and ends without one', () => {
  const sent: Uint8Array[] = [];
  const sink = { pendingBytes: 0, send: (bytes: Uint8Array) => void sent.push(bytes) };
  const output = new OutputStream(sink);
  const source = new Uint8Array(100_000).fill(1);
  assert.equal(output.write(source, 0, source.length), source.length);
  assert.deepEqual(
    sent.map(({ length }) => length),
    [MAX_DATA_BYTES, source.length - MAX_DATA_BYTES],
  );
  source.fill(2);
  assert.equal(sent[0]?.[0], 1, 'a copy: the memory is the guest’s');
  sink.pendingBytes = OUTPUT_BYTES;
  assert.equal(output.write(source, 0, 5), -EAGAIN);
  assert.equal(output.isFull, true);
  sink.pendingBytes = 0;
  assert.equal(output.write(source, 0, 5), 5);
  output.break();
  assert.equal(output.write(source, 0, 5), -EPIPE);
});
