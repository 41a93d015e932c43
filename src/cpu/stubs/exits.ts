/**
 * Exits: store the guest's state and return from `enter` with the kind in EAX. They begin with the
 * guest's registers and flags intact, and RSP is the guest's.
 */

import { eax, edx, gp64, mask, mem, r11, rax, rcx, rdi, rsp, ymm, zmm } from '../../x86/operand.ts';
import { EXIT, type ExitKind, STATE, TLS } from '../sandbox/layout.ts';
import { type Context, field, tls } from './context.ts';
import { HOST_FRAME_BYTES, SAVED_REGISTERS } from './entry.ts';
import { moveMask, moveVector, store } from './vector-moves.ts';

/** The spill slots and the target slot. */
const SPILLS = (TLS.spill.bytes + TLS.target.bytes) / 8;

export function emitExits(c: Context): void {
  const { a } = c;
  const common = a.label('common');
  const interrupted = a.label('interrupted');
  const leave = a.label('leave');
  for (const kind of Object.values(EXIT)) {
    if (kind === EXIT.tickBeforeEntry) continue;
    const isInterruption = kind === EXIT.fault || kind === EXIT.tick;
    emitExit(c, kind, isInterruption ? interrupted : common);
  }
  a.align(16, 0xcc);
  a.bind(interrupted);
  emitSpills(c);
  a.bind(common);
  emitStore(c);
  a.bind(leave);
  emitX87(c);
  a.bytes([0xc5, 0xf8, 0x77]); // vzeroupper
  a.emit('ldmxcsr', mem({ base: rsp }));
  a.emit('mov', eax, field(STATE.exitKind));
  a.emit('lea', rsp, mem({ base: rsp, disp: HOST_FRAME_BYTES }));
  for (const register of [...SAVED_REGISTERS].reverse()) a.emit('pop', register);
  a.emit('ret');
  emitAbort(c, leave);
}

/** Up to here only RDI is taken: its guest value is in scratch, RDI = state block. */
function emitExit(c: Context, kind: ExitKind, to: ReturnType<Context['at']>): void {
  const { a } = c;
  a.align(16, 0xcc);
  a.bind(c.exit(kind));
  a.emit('mov', tls(c, 'stubScratch'), rdi);
  a.emit('mov', rdi, tls(c, 'state'));
  a.emit('mov', field(STATE.exitKind, 32), kind);
  a.emit('jmp', to);
}

/** After a fault or tick in translated code: what its rewrites had put aside. */
function emitSpills(c: Context): void {
  const { a } = c;
  a.emit('mov', field(STATE.gprs + 8 * rcx.number), rcx);
  for (let n = 0; n < SPILLS; n++) {
    a.emit('mov', rcx, tls(c, 'spill', 0, 8 * n));
    a.emit('mov', field(STATE.spills + 8 * n), rcx);
  }
  a.emit('mov', rcx, field(STATE.gprs + 8 * rcx.number));
  a.emit('mov', tls(c, 'tickPending', 32), 0);
}

/** The state as it is for the guest; no instruction before PUSHF changes flags. */
function emitStore(c: Context): void {
  const { a, config } = c;
  for (const r of gp64) if (r !== rdi) a.emit('mov', field(STATE.gprs + 8 * r.number), r);
  a.emit('mov', rax, tls(c, 'stubScratch'));
  a.emit('mov', field(STATE.gprs + 8 * rdi.number), rax);
  a.emit('mov', rsp, tls(c, 'hostRsp'));
  a.emit('pushf');
  a.emit('pop', rax);
  a.emit('cld');
  a.emit('mov', field(STATE.rflags), rax);
  a.emit('mov', rcx, tls(c, 'exitRip'));
  a.emit('mov', field(STATE.rip), rcx);
  a.emit('mov', edx, tls(c, 'exitSite'));
  a.emit('mov', field(STATE.exitSite), edx);
  const noSyscall = a.label('noSyscall');
  a.emit('cmp', field(STATE.exitKind, 32), EXIT.syscall);
  a.emit('jne', noSyscall);
  // SDM vol. 2, SYSCALL: RCX = RIP of the next instruction, R11 = RFLAGS.
  a.emit('mov', field(STATE.gprs + 8 * rcx.number), rcx);
  a.emit('mov', field(STATE.gprs + 8 * r11.number), rax);
  a.bind(noSyscall);
  const vectors = config.hasAvx512 ? zmm : ymm.slice(0, 16);
  for (const v of vectors) moveVector(a, v, STATE.vectors + 64 * v.number, store);
  if (config.hasAvx512) for (const k of mask) moveMask(a, k, STATE.masks + 8 * k.number, store);
  a.emit('stmxcsr', field(STATE.mxcsr));
}

/** A tick between `restartStart` and `restartEnd`: nothing of the guest ran. */
function emitAbort(c: Context, leave: ReturnType<Context['at']>): void {
  const { a } = c;
  a.align(16, 0xcc);
  a.bind(c.exit(EXIT.tickBeforeEntry));
  a.emit('cld');
  a.emit('mov', tls(c, 'tickPending', 32), 0);
  a.emit('mov', rsp, tls(c, 'hostRsp'));
  a.emit('mov', rdi, tls(c, 'state'));
  a.emit('mov', field(STATE.exitKind, 32), EXIT.tickBeforeEntry);
  a.emit('jmp', leave);
}

/** Keeps the x87 state when the guest used it; V8 needs an empty stack. */
function emitX87(c: Context): void {
  const { a } = c;
  const untouched = a.label('untouched');
  const clean = a.label('clean');
  a.emit('cmp', tls(c, 'x87Used', 8), 0);
  a.emit('je', untouched);
  a.emit('fxsave64', field(STATE.x87));
  a.emit('mov', field(STATE.x87Used, 8), 1);
  a.emit('mov', tls(c, 'x87Used', 8), 0);
  a.bind(untouched);
  // A loaded image must leave the processor even if this run did not touch it.
  a.emit('cmp', field(STATE.x87Used, 8), 0);
  a.emit('je', clean);
  a.emit('fninit');
  a.bind(clean);
}
