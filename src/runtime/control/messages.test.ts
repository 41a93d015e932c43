import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlError, FRAME, type Frame } from './frames.ts';
import { parseEvent, parseReply, parseRequest } from './messages.ts';

const frame = (value: unknown): Frame => ({
  kind: FRAME.message,
  payload: new TextEncoder().encode(JSON.stringify(value)),
});

const EXEC = { op: 'exec', command: ['sh'], environment: [], hasInput: false };

const GOOD = [
  EXEC,
  {
    ...{ ...EXEC, command: ['sh', ''], environment: [['A', 'b=c']], workingDir: '/tmp' },
    ...{ user: { uid: 0, gid: 4_294_967_294 }, terminal: { rows: 24, columns: 80 } },
  },
  { op: 'signal', signal: 64 },
  { op: 'processes' },
  { op: 'statistics' },
  { op: 'evidence', nonce: '' },
  { op: 'evidence', nonce: 'c0ffee' },
];

const BAD = [
  null,
  [],
  'exec',
  {},
  { op: 'shutdown' },
  { op: 'processes', all: true },
  { ...EXEC, privileged: true },
  { ...EXEC, command: [] },
  { ...EXEC, command: 'sh' },
  { ...EXEC, command: [1] },
  { ...EXEC, command: ['a\0b'] },
  { ...EXEC, command: ['x'.repeat(131_073)] },
  { ...EXEC, command: Array(4097).fill('x') },
  { ...EXEC, environment: [['A']] },
  { ...EXEC, environment: [['A', 'b', 'c']] },
  { ...EXEC, environment: [['A=B', 'c']] },
  { ...EXEC, environment: [['', 'c']] },
  { ...EXEC, environment: { A: 'b' } },
  { ...EXEC, workingDir: 'tmp' },
  { ...EXEC, user: { uid: -1, gid: 0 } },
  { ...EXEC, user: { uid: 4_294_967_295, gid: 0 } },
  { ...EXEC, user: { uid: 0 } },
  { ...EXEC, terminal: { rows: 0, columns: 80 } },
  { ...EXEC, terminal: { rows: 24, columns: 65_536 } },
  { ...EXEC, hasInput: 1 },
  { op: 'signal', signal: 0 },
  { op: 'signal', signal: 65 },
  { op: 'signal', signal: 1.5 },
  { op: 'signal', signal: '15' },
  { op: 'evidence', nonce: 'abc' },
  { op: 'evidence', nonce: 'ab'.repeat(65) },
  { op: 'evidence', nonce: 'zz' },
];

test('requests that keep to the protocol are taken as they are', () => {
  for (const value of GOOD) assert.deepEqual(parseRequest(frame(value)), value);
});

test('requests that do not are refused, with a short reason', () => {
  for (const value of BAD)
    assert.throws(
      () => parseRequest(frame(value)),
      (error) => error instanceof ControlError && error.message.length < 400,
      JSON.stringify(value)?.slice(0, 80),
    );
});

test('a field of the prototype is no field of a message', () => {
  const text = '{"op":"processes","__proto__":{"op":"exec"}}';
  const payload = new TextEncoder().encode(text);
  assert.throws(() => parseRequest({ kind: FRAME.message, payload }), ControlError);
});

test('events and replies are checked as well', () => {
  assert.equal(parseEvent(frame({ event: 'signal', signal: 2 })).event, 'signal');
  for (const value of [{ event: 'signal' }, { event: 'exec' }, { event: 'resize', rows: 1 }, EXEC])
    assert.throws(() => parseEvent(frame(value)), ControlError);
  assert.equal(parseReply(frame({ reply: 'ended', status: 0x0300 })).reply, 'ended');
  for (const value of [
    { reply: 'ended', status: -1 },
    { reply: 'refused', code: 'a', message: '' },
  ])
    assert.throws(() => parseReply(frame(value)), ControlError);
});
