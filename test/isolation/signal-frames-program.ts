/**
 * Runs translated code whose RSP points where the argument says, while a child process sends every
 * signal that Node.js can be asked to handle. Prints what happened to the memory there, as JSON.
 *
 *     node signal-frames-program.ts buffer|alternate-stack [unblocked]
 *
 * `unblocked` is the canary: SIGWINCH is let through as a design without blocking would.
 */

import { spawn } from 'node:child_process';
import ffi from 'node:ffi';
import { constants } from 'node:os';
import { EXIT, STATE } from '../../src/cpu/sandbox/layout.ts';
import { createNativeHost } from '../../src/host/native/native-host.ts';

const PAGE = 4096;
/** Those that end the process whatever it does, and the engine's own (faults of the kernel's). */
const NOT_SENT = ['SIGKILL', 'SIGSTOP', 'SIGILL', 'SIGTRAP', 'SIGBUS', 'SIGFPE', 'SIGSEGV'];
/** Names of the same numbers, and those that Node.js does not let programs handle. */
const NOT_HANDLED = ['SIGIOT', 'SIGPOLL', 'SIGUNUSED', 'SIGPROF', 'SIGSTKFLT'];

const libc = ffi.dlopen('libc.so.6', {
  sigaltstack: { arguments: ['pointer', 'pointer'], return: 'int32' },
  pthread_sigmask: { arguments: ['int32', 'pointer', 'pointer'], return: 'int32' },
}).functions as unknown as Record<string, (...args: unknown[]) => number>;

const [where, mode] = process.argv.slice(2);
const seen = new Set<string>();
const sent = Object.keys(constants.signals).filter(
  (name) => !NOT_SENT.includes(name) && !NOT_HANDLED.includes(name),
);
for (const name of sent) process.on(name, () => seen.add(name));

const { code, pages } = createNativeHost();
const space = pages.createSandbox();
if (typeof space === 'number') throw new Error('no sandbox');

const victim = code.allocate(16 * PAGE);
victim.bytes.fill(0xa5);
const rsp = where === 'buffer' ? victim.address + 8 * PAGE : alternateStack() + 16;
if (mode === 'unblocked') unblock(28);

// inc rax; jmp back
code.code.bytes.set([0x48, 0xff, 0xc0, 0xeb, 0xfb], code.codeStart);
const state = code.createState();
state.i32[STATE.entry / 4] = code.codeStart;
state.u64[STATE.sandboxBase / 8] = BigInt(space.base);
state.u64[4] = BigInt(rsp);
state.i32[STATE.mxcsr / 4] = 0x1f80;
state.i32[STATE.rflags / 4] = 0x202;

const kills = sent.map((name) => `kill -${name.slice(3)} ${process.pid}`).join('; sleep 0.005; ');
// The canary needs one that meets the thread inside translated code: many chances.
const more = `for n in $(seq 60); do kill -WINCH ${process.pid}; sleep 0.01; done`;
const sender = spawn('sh', ['-c', `sleep 0.05; ${kills}; ${more}`], { stdio: 'ignore' });
code.setTick(2000);
const ends = Date.now() + 1500;
const kinds: Record<number, number> = {};
let exact = true;
while (Date.now() < ends) {
  const kind = code.enter(state);
  kinds[kind] = (kinds[kind] ?? 0) + 1;
  if (kind === EXIT.tickBeforeEntry) continue;
  if (kind !== EXIT.tick || state.u64[4] !== BigInt(rsp)) exact = false;
  state.i32[STATE.entry / 4] =
    Number(state.u64[STATE.hostRip / 8] as bigint) - code.code.executable;
}
code.setTick(0);
const changed = victim.bytes.reduce((sum, byte) => sum + (byte === 0xa5 ? 0 : 1), 0);
setTimeout(() => {
  const missed = sent.filter((name) => !seen.has(name));
  process.stdout.write(
    JSON.stringify({ changed, exact, ticks: kinds[EXIT.tick] ?? 0, sent: sent.length, missed }),
  );
  sender.kill();
  process.exit(0);
}, 200);

function alternateStack(): number {
  const stack = new Uint8Array(24);
  libc.sigaltstack?.(null, stack);
  return Number(new DataView(stack.buffer).getBigUint64(0, true));
}

function unblock(signal: number): void {
  const set = new Uint8Array(128);
  set[(signal - 1) >> 3] = 1 << ((signal - 1) & 7);
  libc.pthread_sigmask?.(1, set, null);
}
