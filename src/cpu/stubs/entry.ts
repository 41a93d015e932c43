/**
 * `enter`: loads a guest thread's state and jumps into translated code.
 *
 * From `restartStart` to `restartEnd` a tick sends the thread to the exit `tickBeforeEntry`
 * instead: the state block is only read there, so nothing needs to be stored.
 */

import {
  al,
  eax,
  ecx,
  gp64,
  mask,
  mem,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rsi,
  rsp,
  xmm,
  ymm,
  zmm,
} from '../../x86/operand.ts';
import { EXIT, STATE, WIDE_HIGH, WIDE_LOW } from '../sandbox/layout.ts';
import { type Context, field, tls } from './context.ts';
import { MAILBOX } from './mailbox.ts';
import { load, moveMask, moveVector } from './vector-moves.ts';

const SYS_ARCH_PRCTL = 158;
const ARCH_SET_GS = 0x1001;
/** Bytes that the entry stub reserves below the pushed registers: the host's MXCSR. */
export const HOST_FRAME_BYTES = 16;
export const SAVED_REGISTERS = [rbx, rbp, r12, r13, r14, r15];

export function emitEntry(c: Context): void {
  const { a, at } = c;
  a.align(16, 0xcc);
  a.bind(at('enter'));
  a.emit('movabs', rdi, BigInt(c.config.mailbox));
  a.emit('mov', rdi, mem({ base: rdi, disp: MAILBOX.state }));
  // RDI = the state block, whoever calls.
  a.bind(at('enterState'));
  for (const register of SAVED_REGISTERS) a.emit('push', register);
  a.emit('lea', rsp, mem({ base: rsp, disp: -HOST_FRAME_BYTES }));
  a.emit('stmxcsr', mem({ base: rsp }));
  a.emit('mov', tls(c, 'hostRsp'), rsp);
  a.emit('mov', tls(c, 'state'), rdi);
  for (const [slot, offset] of [
    ['guestFsBase', STATE.fsBase],
    ['guestGsBase', STATE.gsBase],
    ['wideTable', STATE.wideTable],
    ['wideMask', STATE.wideMask],
  ] as const) {
    a.emit('mov', rax, field(offset));
    a.emit('mov', tls(c, slot), rax);
  }
  a.emit('mov', eax, field(STATE.entry, 32));
  a.emit('movabs', rcx, BigInt(c.config.origin));
  a.emit('add', rax, rcx);
  a.emit('mov', tls(c, 'entry'), rax);
  emitBase(c);
  a.bind(at('restartStart'));
  a.emit('cmp', tls(c, 'tickPending', 32), 0);
  a.emit('jne', c.exit(EXIT.tickBeforeEntry));
  emitLoad(c);
  a.emit('jmp', tls(c, 'entry'));
  a.bind(at('restartEnd'));
}

/** Sets GS base and the base slots where the sandbox is another one than last time. */
function emitBase(c: Context): void {
  const { a } = c;
  const same = a.label('same');
  a.emit('mov', rax, field(STATE.sandboxBase));
  a.emit('cmp', rax, tls(c, 'sandboxBase'));
  a.emit('je', same);
  a.emit('xor', ecx, ecx);
  a.emit('sub', rcx, rax);
  a.emit('mov', tls(c, 'sandboxBaseNegated'), rcx);
  if (c.config.hasFsgsbase) {
    a.emit('wrgsbase', rax);
  } else {
    a.emit('mov', rbx, rdi);
    a.emit('mov', rsi, rax);
    a.emit('mov', gp64[7]!, BigInt(ARCH_SET_GS));
    a.emit('mov', eax, SYS_ARCH_PRCTL);
    a.emit('syscall');
    a.emit('mov', rdi, rbx);
    a.emit('mov', rax, field(STATE.sandboxBase));
  }
  a.emit('mov', tls(c, 'sandboxBase'), rax);
  a.bind(same);
}

function emitLoad(c: Context): void {
  const { a, config } = c;
  const noX87 = a.label('noX87');
  const sameMxcsr = a.label('sameMxcsr');
  const loadMxcsr = a.label('loadMxcsr');
  a.emit('mov', tls(c, 'x87Used', 8), 0);
  a.emit('cmp', field(STATE.x87Used, 8), 0);
  a.emit('je', noX87);
  // Before MXCSR and the vectors: FXRSTOR loads those, too.
  a.emit('fxrstor64', field(STATE.x87));
  a.emit('jmp', loadMxcsr);
  a.bind(noX87);
  // measured: LDMXCSR takes 4 ns, a comparison nothing.
  a.emit('mov', eax, field(STATE.mxcsr, 32));
  a.emit('cmp', eax, mem({ base: rsp, bits: 32 }));
  a.emit('je', sameMxcsr);
  a.bind(loadMxcsr);
  a.emit('ldmxcsr', field(STATE.mxcsr));
  a.bind(sameMxcsr);
  if (config.hasAvx512) emitVectors(c);
  else for (const v of ymm.slice(0, 16)) moveVector(a, v, STATE.vectors + 64 * v.number, load);
  emitFlags(c);
  for (const r of gp64) if (r !== rdi) a.emit('mov', r, field(STATE.gprs + 8 * r.number));
  a.emit('mov', rdi, field(STATE.gprs + 8 * rdi.number));
}

/**
 * zmm0 … zmm31 and the masks. measured: SSE code runs up to five times slower while the upper parts of
 * zmm0 … zmm15 count as in use, be they zero; so where all are zero (`emitVectors` of the exits says
 * so), VZEROUPPER and moves of 128 bits load them.
 */
function emitVectors(c: Context): void {
  const { a } = c;
  const at = (n: number) => STATE.vectors + 64 * n;
  const wide = a.label('wide');
  const low = a.label('lowLoaded');
  const highWide = a.label('highWide');
  const high = a.label('highLoaded');
  a.emit('test', field(STATE.wideVectors, 8), WIDE_LOW);
  a.emit('jne', wide);
  a.emit('vzeroupper');
  for (let n = 0; n < 16; n++) a.emit('vmovups', xmm[n]!, field(at(n), 128));
  a.emit('jmp', low);
  a.bind(wide);
  for (let n = 0; n < 16; n++) moveVector(a, zmm[n]!, at(n), load);
  a.bind(low);
  a.emit('test', field(STATE.wideVectors, 8), WIDE_HIGH);
  a.emit('jne', highWide);
  for (let n = 16; n < 32; n++) a.emit('vpxorq', zmm[n]!, zmm[n]!, zmm[n]!);
  a.emit('jmp', high);
  a.bind(highWide);
  for (let n = 16; n < 32; n++) moveVector(a, zmm[n]!, at(n), load);
  a.bind(high);
  for (const k of mask) moveMask(a, k, STATE.masks + 8 * k.number, load);
}

/** measured: SAHF, an ADD for OF and a branch for DF cost 3 ns less than POPFQ. */
function emitFlags(c: Context): void {
  const { a } = c;
  const forward = a.label('forward');
  a.emit('mov', eax, field(STATE.rflags, 32));
  a.emit('mov', ecx, eax);
  a.emit('and', ecx, 0x400);
  a.emit('je', forward);
  a.emit('std');
  a.bind(forward);
  a.emit('mov', ecx, eax);
  a.emit('shr', ecx, 11);
  a.emit('and', ecx, 1);
  a.emit('and', eax, 0xff);
  a.emit('shl', eax, 8);
  a.emit('or', eax, ecx);
  a.emit('add', al, 0x7f); // AL = 1 overflows
  a.emit('sahf');
}
