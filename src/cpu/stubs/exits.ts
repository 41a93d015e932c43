/**
 * Exits: store the guest's state and return from `enter` with the kind in EAX. They begin with the
 * guest's registers and flags intact, and RSP is the guest's.
 */

import {
  cl,
  dl,
  eax,
  ecx,
  edx,
  gp64,
  mask,
  mem,
  type Register,
  r11,
  rax,
  rcx,
  rdi,
  rsp,
  xmm,
  ymm,
  zmm,
} from '../../x86/operand.ts';
import { EXIT, type ExitKind, STATE, TLS, WIDE_HIGH, WIDE_LOW } from '../sandbox/layout.ts';
import { type Context, field, tls } from './context.ts';
import { HOST_FRAME_BYTES, SAVED_REGISTERS } from './entry.ts';
import { moveMask, moveVector, store } from './vector-moves.ts';

/** Of VPTERNLOG: the union of its three operands. */
const UNION = 0xfe;
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
  emitHostMxcsr(c);
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
  a.emit('stmxcsr', field(STATE.mxcsr));
  if (config.hasAvx512) emitVectors(c);
  else for (const v of ymm.slice(0, 16)) moveVector(a, v, STATE.vectors + 64 * v.number, store);
}

/**
 * zmm0 … zmm31 and the masks. Most programs keep the upper parts of zmm0 … zmm15 and all of zmm16 … zmm31
 * zero: then, and where their fields are zero already, a quarter of the bytes is stored. measured: asking
 * XGETBV takes longer than the comparison.
 */
function emitVectors(c: Context): void {
  const { a } = c;
  const at = (n: number) => STATE.vectors + 64 * n;
  const keep = (n: number) => moveVector(a, zmm[n]!, at(n), store);
  for (const k of mask) moveMask(a, k, STATE.masks + 8 * k.number, store);
  a.emit('movzx', ecx, field(STATE.wideVectors, 8));
  // The first three are kept whole: then they hold what is collected.
  for (const n of [0, 1, 2]) keep(n);
  a.emit('vpternlogq', zmm[0]!, zmm[1]!, zmm[2]!, UNION);
  emitUnion(c, zmm.slice(3, 16));
  emitHalf(
    c,
    WIDE_LOW,
    0xfc,
    () => {
      for (let n = 3; n < 16; n++) a.emit('vmovups', field(at(n), 128), xmm[n]!);
    },
    () => {
      for (let n = 3; n < 16; n++) keep(n);
    },
  );
  a.emit('vmovdqa64', zmm[0]!, zmm[16]!);
  emitUnion(c, zmm.slice(17));
  emitHalf(c, WIDE_HIGH, 0xff, undefined, () => {
    for (let n = 16; n < 32; n++) keep(n);
  });
  a.emit('mov', field(STATE.wideVectors, 8), cl);
}

/** zmm0 |= all of `registers`; takes zmm1 and zmm2. */
function emitUnion({ a }: Context, registers: readonly Register[]): void {
  const rest = [...registers];
  while (rest.length >= 6) {
    for (const sum of [zmm[1]!, zmm[2]!]) {
      a.emit('vmovdqa64', sum, rest.shift()!);
      a.emit('vpternlogq', sum, rest.shift()!, rest.shift()!, UNION);
    }
    a.emit('vpternlogq', zmm[0]!, zmm[1]!, zmm[2]!, UNION);
  }
  for (const register of rest) a.emit('vporq', zmm[0]!, zmm[0]!, register);
}

/**
 * Stores one half: `narrow` where ECX (of `wideVectors`) and the qwords `qwords` of zmm0 say that the rest
 * is zero and was, else `full`, and says so in ECX. Takes k1, EAX and EDX.
 */
function emitHalf(
  { a }: Context,
  flag: number,
  qwords: number,
  narrow: (() => void) | undefined,
  full: () => void,
): void {
  const whole = a.label('whole');
  const kept = a.label('kept');
  a.emit('vptestmq', mask[1]!, zmm[0]!, zmm[0]!);
  a.emit('kmovb', eax, mask[1]!);
  a.emit('xor', edx, edx);
  a.emit('test', eax, qwords);
  a.emit('setne', dl);
  if (flag !== 1) a.emit('shl', edx, Math.log2(flag));
  a.emit('mov', eax, ecx);
  a.emit('and', eax, flag);
  a.emit('or', eax, edx);
  a.emit('jne', whole);
  narrow?.();
  a.emit('jmp', kept);
  a.bind(whole);
  full();
  a.emit('and', ecx, ~flag);
  a.emit('or', ecx, edx);
  a.bind(kept);
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
  // It may be that of the x87 image, which neither this frame nor the state block names.
  a.emit('ldmxcsr', mem({ base: rsp }));
  a.emit('jmp', leave);
}

/** What the host's MXCSR controls comes back; its sticky flags nobody reads. */
function emitHostMxcsr(c: Context): void {
  const { a } = c;
  const same = a.label('same');
  a.emit('mov', eax, field(STATE.mxcsr, 32));
  a.emit('xor', eax, mem({ base: rsp, bits: 32 }));
  a.emit('test', eax, 0xffff_ffc0 | 0);
  a.emit('je', same);
  a.emit('ldmxcsr', mem({ base: rsp }));
  a.bind(same);
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
