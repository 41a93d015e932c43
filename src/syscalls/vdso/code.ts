/**
 * The functions of the vDSO (vdso(7)), assembled for any address: clock_gettime and gettimeofday
 * read the time stamp counter and the page in front (layout: kernel/time-page.ts), as Linux' own do.
 */

import { NR } from '../../abi/syscall-numbers.table.ts';
import { Assembler } from '../../x86/assemble.ts';
import { eax, ecx, edi, edx, gp32, gp64, mem, rax, rcx, rdi, rdx, rsi } from '../../x86/operand.ts';

const r8 = gp64[8]!;
const r9d = gp32[9]!;
/** Fields of the time page, relative to the shared object that follows it. */
const PAGE = 4096;
const at = (field: number, bits = 64) => mem({ base: r8, disp: field, bits });
const SEQUENCE = 0;
const MODE = 4;
const COUNTER = 8;
const RATE = 16;
const MONOTONIC = 24;
const REALTIME = 40;
/** CLOCK_REALTIME, MONOTONIC, MONOTONIC_RAW and BOOTTIME, as a bit set. */
const FAST_CLOCKS = 0x93;

export interface VdsoCode {
  readonly bytes: Uint8Array;
  /** Offset of each function. */
  readonly functions: Readonly<Record<string, number>>;
}

/** `origin`: offset of the code in the shared object. */
export function assembleVdso(origin: number): VdsoCode {
  const a = new Assembler(origin);
  const functions: Record<string, number> = {};
  const begin = (name: string) => {
    a.align(16, 0xcc);
    functions[name] = a.here;
  };
  begin('clock_gettime');
  emitClockGettime(a);
  begin('gettimeofday');
  emitGettimeofday(a);
  begin('time');
  emitCall(a, NR.time);
  begin('clock_getres');
  emitCall(a, NR.clock_getres);
  begin('getcpu');
  emitGetcpu(a);
  return { bytes: a.finish(), functions };
}

function emitCall(a: Assembler, number: number): void {
  a.emit('mov', eax, number);
  a.emit('syscall');
  a.emit('ret');
}

/**
 * r8 = time page; rdx = seconds, rax = nanoseconds (below one second) of the base at `field`.
 * Leaves to `slow` when the page has no time; uses rcx and r9.
 */
function emitRead(a: Assembler, slow: ReturnType<Assembler['label']>, loadBase: () => void): void {
  const retry = a.label('retry');
  const forward = a.label('forward');
  const normalize = a.label('normalize');
  const done = a.label('done');
  a.emit('lea', r8, mem({ label: a.symbol('page', -PAGE) }));
  a.bind(retry);
  a.emit('mov', r9d, at(SEQUENCE, 32));
  a.emit('cmp', at(MODE, 32), 0);
  a.emit('je', slow);
  a.emit('lfence');
  a.emit('rdtsc');
  a.emit('shl', rdx, 32);
  a.emit('or', rax, rdx);
  a.emit('sub', rax, at(COUNTER));
  a.emit('jae', forward);
  a.emit('xor', eax, eax);
  a.bind(forward);
  a.emit('mul', at(RATE));
  a.emit('shrd', rax, rdx, 32);
  loadBase();
  a.emit('cmp', r9d, at(SEQUENCE, 32));
  a.emit('jne', retry);
  a.emit('add', rax, rcx);
  a.bind(normalize);
  a.emit('cmp', rax, 1_000_000_000);
  a.emit('jb', done);
  a.emit('sub', rax, 1_000_000_000);
  a.emit('add', rdx, 1);
  a.emit('jmp', normalize);
  a.bind(done);
}

function emitClockGettime(a: Assembler): void {
  const slow = a.label('slow');
  const isMonotonic = a.label('monotonic');
  a.emit('cmp', edi, 7);
  a.emit('ja', slow);
  a.emit('mov', eax, FAST_CLOCKS);
  a.emit('bt', eax, edi);
  a.emit('jae', slow);
  emitRead(a, slow, () => {
    a.emit('mov', rdx, at(MONOTONIC));
    a.emit('mov', rcx, at(MONOTONIC + 8));
    a.emit('test', edi, edi);
    a.emit('jne', isMonotonic);
    a.emit('mov', rdx, at(REALTIME));
    a.emit('mov', rcx, at(REALTIME + 8));
    a.bind(isMonotonic);
  });
  a.emit('mov', mem({ base: rsi, bits: 64 }), rdx);
  a.emit('mov', mem({ base: rsi, disp: 8, bits: 64 }), rax);
  a.emit('xor', eax, eax);
  a.emit('ret');
  a.bind(slow);
  emitCall(a, NR.clock_gettime);
}

function emitGettimeofday(a: Assembler): void {
  const slow = a.label('slow');
  a.emit('test', rdi, rdi);
  a.emit('je', slow);
  a.emit('test', rsi, rsi);
  a.emit('jne', slow);
  emitRead(a, slow, () => {
    a.emit('mov', rdx, at(REALTIME));
    a.emit('mov', rcx, at(REALTIME + 8));
  });
  a.emit('mov', mem({ base: rdi, bits: 64 }), rdx);
  a.emit('xor', edx, edx);
  a.emit('mov', ecx, 1000);
  a.emit('div', rcx);
  a.emit('mov', mem({ base: rdi, disp: 8, bits: 64 }), rax);
  a.emit('xor', eax, eax);
  a.emit('ret');
  a.bind(slow);
  emitCall(a, NR.gettimeofday);
}

/** One processor, one node. */
function emitGetcpu(a: Assembler): void {
  for (const pointer of [rdi, rsi]) {
    const next = a.label('next');
    a.emit('test', pointer, pointer);
    a.emit('je', next);
    a.emit('mov', mem({ base: pointer, bits: 32 }), 0);
    a.bind(next);
  }
  a.emit('xor', eax, eax);
  a.emit('ret');
}
