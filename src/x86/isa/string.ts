/**
 * String instructions and xlat (Intel SDM vol. 2). With rep also RCX is read and written (ECX under
 * 67, as the pointers are ESI and EDI then). ins and outs are privileged here: see system.ts.
 */
import { type RowOptions, type RowSource, row } from './row.ts';

const SIZES = [
  ['b', 8, ''],
  ['w', 16, 'o16 '],
  ['d', 32, 'o32 '],
  ['q', 64, 'REX.W '],
] as const;

const STATUS = 'w=oszapc m=oszapc r=d';

/** `[mnemonic, byte opcode, implicit registers, memory, flags, rep kind]` */
function family(mnemonic: string, opcode: number, make: (bits: number) => RowOptions): RowSource[] {
  return SIZES.map(([suffix, bits, size]) => {
    const byte = (opcode + (bits === 8 ? 0 : 1)).toString(16).toUpperCase();
    return row(`${mnemonic}${suffix}`, '', `${size}${byte}`, { class: 'string', ...make(bits) });
  });
}

export const stringRows: readonly RowSource[] = [
  ...family('movs', 0xa4, (bits) => ({
    rep: 'rep',
    flags: 'r=d',
    in: 'rsi rdi',
    out: 'rsi rdi',
    mem: `r:ds:rsi:${bits} w:es:rdi:${bits}`,
  })),
  ...family('cmps', 0xa6, (bits) => ({
    rep: 'repcc',
    flags: STATUS,
    in: 'rsi rdi',
    out: 'rsi rdi',
    mem: `r:ds:rsi:${bits} r:es:rdi:${bits}`,
  })),
  ...family('stos', 0xaa, (bits) => ({
    rep: 'rep',
    flags: 'r=d',
    in: 'rax rdi',
    out: 'rdi',
    mem: `w:es:rdi:${bits}`,
  })),
  ...family('lods', 0xac, (bits) => ({
    rep: 'rep',
    flags: 'r=d',
    in: 'rax rsi',
    out: 'rax rsi',
    mem: `r:ds:rsi:${bits}`,
  })),
  ...family('scas', 0xae, (bits) => ({
    rep: 'repcc',
    flags: STATUS,
    in: 'rax rdi',
    out: 'rdi',
    mem: `r:es:rdi:${bits}`,
  })),
  row('xlat', '', 'D7', { in: 'rax rbx', out: 'rax', mem: 'r:ds:rbx+al:8', gsSafe: true }),
];
