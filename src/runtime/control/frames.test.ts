import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ControlError,
  decodeMessage,
  decodeWindow,
  encodeFrame,
  encodeMessage,
  encodeWindow,
  FRAME,
  type Frame,
  FrameReader,
  MAX_DATA_BYTES,
} from './frames.ts';

const header = (length: number, kind: number): Uint8Array => {
  const bytes = new Uint8Array(5);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes[4] = kind;
  return bytes;
};

test('frames come out as they went in, however they are cut', () => {
  const kind = fc.constantFrom(FRAME.input, FRAME.output, FRAME.error);
  const frame = fc.tuple(kind, fc.uint8Array({ minLength: 1, maxLength: 40 }));
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.nat(20)), (frames, cuts) => {
      const stream = Buffer.concat(frames.map(([one, payload]) => encodeFrame(one, payload)));
      const reader = new FrameReader();
      const found: Frame[] = [];
      let at = 0;
      for (const cut of cuts) {
        found.push(...reader.push(stream.subarray(at, at + cut)));
        at += cut;
      }
      found.push(...reader.push(stream.subarray(at)));
      assert.deepEqual(
        found.map((one) => [one.kind, [...one.payload]]),
        frames.map(([one, payload]) => [one, [...payload]]),
      );
    }),
  );
});

test('messages and windows survive the way', () => {
  const value = { op: 'exec', command: ['a', 'ü', ''] };
  const frames = new FrameReader().push(
    Buffer.concat([encodeMessage(value), encodeWindow(0xffff_ffff), encodeFrame(2, Buffer.of())]),
  );
  assert.deepEqual(decodeMessage(frames[0] as Frame), value);
  assert.equal(decodeWindow(frames[1] as Frame), 0xffff_ffff);
  assert.equal(frames[2]?.kind, FRAME.inputEnd);
});

test('a length or kind that is not permitted is refused at the header', () => {
  const wrong = [
    header(0, FRAME.message),
    header(262_145, FRAME.message),
    header(0xffff_ffff, FRAME.message),
    header(0, FRAME.input),
    header(MAX_DATA_BYTES + 1, FRAME.input),
    header(1, FRAME.inputEnd),
    header(3, FRAME.window),
    header(4, 6),
    header(4, 255),
  ];
  for (const bytes of wrong)
    assert.throws(() => new FrameReader().push(bytes), ControlError, String(bytes));
});

test('what is too large is not sent', () => {
  assert.throws(() => encodeFrame(FRAME.output, new Uint8Array(MAX_DATA_BYTES + 1)), ControlError);
  assert.throws(() => encodeMessage({ text: 'x'.repeat(300_000) }), ControlError);
});

test('a message that is not JSON in UTF-8 is refused', () => {
  for (const payload of [
    Buffer.of(0xff, 0xfe),
    Buffer.from('{"a":'),
    Buffer.from('['.repeat(99_999)),
  ])
    assert.throws(() => decodeMessage({ kind: FRAME.message, payload }), ControlError);
});

test('bytes at random are frames or refused, never more', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (parts) => {
      const reader = new FrameReader();
      try {
        for (const part of parts)
          for (const { payload } of reader.push(part)) assert.ok(payload.length <= 262_144);
      } catch (error) {
        assert.ok(error instanceof ControlError);
      }
    }),
  );
});
