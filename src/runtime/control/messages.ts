/**
 * What is said over the control socket of an instance: one request a connection, then replies, and,
 * while a process that it started runs, events. Both ends check every message by these schemas:
 * types, bounds, and no field that is not named here.
 */

import * as v from 'valibot';
import { ControlError, decodeMessage, type Frame } from './frames.ts';

/** One argument or variable of execve(2): `MAX_ARG_STRLEN`, no zero byte. */
const text = v.pipe(
  v.string(),
  v.maxLength(131_072),
  v.check((value) => !value.includes('\0'), 'has a zero byte'),
);
const natural = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
const id = natural(0xffff_fffe);
const count = natural(Number.MAX_SAFE_INTEGER);
const cells = v.pipe(natural(0xffff), v.minValue(1));
const signal = v.pipe(natural(64), v.minValue(1));
const hex = (mostBytes: number) =>
  v.pipe(v.string(), v.maxLength(2 * mostBytes), v.regex(/^([0-9a-f]{2})*$/));

const terminalSize = v.strictObject({ rows: cells, columns: cells });

const execRequest = v.strictObject({
  op: v.literal('exec'),
  command: v.pipe(v.array(text), v.minLength(1), v.maxLength(4096)),
  environment: v.pipe(
    v.array(v.strictTuple([v.pipe(text, v.regex(/^[^=]+$/)), text])),
    v.maxLength(4096),
  ),
  workingDir: v.optional(v.pipe(text, v.startsWith('/'))),
  user: v.optional(v.strictObject({ uid: id, gid: id })),
  /** Present: the process gets a terminal of this size. */
  terminal: v.optional(terminalSize),
  /** False: its standard input is empty. */
  hasInput: v.boolean(),
});

const request = v.variant('op', [
  execRequest,
  v.strictObject({ op: v.literal('signal'), signal }),
  v.strictObject({ op: v.literal('processes') }),
  v.strictObject({ op: v.literal('statistics') }),
  v.strictObject({ op: v.literal('evidence'), nonce: hex(64) }),
]);

/** What the client of a process that runs may say. */
const event = v.variant('event', [
  v.strictObject({ event: v.literal('signal'), signal }),
  v.strictObject({ event: v.literal('resize'), rows: cells, columns: cells }),
]);

const processRow = v.strictObject({
  pid: count,
  ppid: count,
  uid: count,
  state: v.pipe(v.string(), v.maxLength(1)),
  threads: count,
  cpuNs: count,
  residentBytes: count,
  /** System calls, and what read(2), write(2) and their kin moved. */
  calls: count,
  readBytes: count,
  writtenBytes: count,
  /** Units of translated code that it may run, shared ones included. */
  translations: count,
  /** Undefined where arguments are nobody's business: of a measured image. */
  command: v.optional(v.pipe(v.string(), v.maxLength(4096))),
});

const name = v.pipe(v.string(), v.maxLength(64));
const counts = v.record(name, count);

const counters = v.strictObject({
  translations: v.strictObject({
    ...{ units: count, kept: count, shared: count, instructions: count },
    ...{ guestBytes: count, hostBytes: count, dropped: count, flushes: count },
  }),
  beside: v.strictObject({ turns: count, halts: count }),
  /** Why translated code was left; what was interpreted; system calls by name. */
  exits: counts,
  interpreted: counts,
  calls: counts,
});

const statistics = v.strictObject({
  uptimeNs: count,
  /** Of the Node.js process: guests, kernel and engine together. */
  cpuNs: count,
  residentBytes: count,
  /** Pages of guests, and how much they may have. */
  guestBytes: count,
  guestLimitBytes: count,
  processes: count,
  threads: count,
  systemCalls: count,
  translations: count,
  translationBytes: count,
  /** Bytes that went through read and write calls to the host. */
  readBytes: count,
  writtenBytes: count,
  counters,
});

const reply = v.variant('reply', [
  v.strictObject({ reply: v.literal('done') }),
  v.strictObject({ reply: v.literal('started'), pid: count }),
  /** `status` as wait(2) reports it. */
  v.strictObject({ reply: v.literal('ended'), status: natural(0xffff) }),
  v.strictObject({ reply: v.literal('processes'), processes: v.array(processRow) }),
  v.strictObject({ reply: v.literal('statistics'), statistics }),
  v.strictObject({ reply: v.literal('evidence'), evidence: v.string() }),
  v.strictObject({
    reply: v.literal('refused'),
    code: v.pipe(v.string(), v.regex(/^[A-Z_]{1,40}$/)),
    message: v.pipe(v.string(), v.maxLength(4096)),
    exitStatus: v.optional(natural(255)),
  }),
]);

export type ControlRequest = v.InferOutput<typeof request>;
export type ExecRequest = v.InferOutput<typeof execRequest>;
export type ControlEvent = v.InferOutput<typeof event>;
export type ControlReply = v.InferOutput<typeof reply>;
export type ProcessRow = v.InferOutput<typeof processRow>;
export type Statistics = v.InferOutput<typeof statistics>;

export const parseRequest = (frame: Frame): ControlRequest => parse(request, frame, 'request');
export const parseEvent = (frame: Frame): ControlEvent => parse(event, frame, 'event');
export const parseReply = (frame: Frame): ControlReply => parse(reply, frame, 'reply');

function parse<T extends v.GenericSchema>(schema: T, frame: Frame, what: string): v.InferOutput<T> {
  const result = v.safeParse(schema, decodeMessage(frame));
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  // The message of an issue can quote what was sent: never at full length.
  const why = issue.message.slice(0, 200);
  throw new ControlError(`${what}${where === null ? '' : ` (${where.slice(0, 60)})`}: ${why}`);
}
