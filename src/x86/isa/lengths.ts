/** Generators for rows that come in several vector lengths. */
import { type RowOptions, type RowSource, row } from './row.ts';

/** ps, pd, ss, sd: prefix, memory bits. */
export const FLOAT_KINDS = [
  ['ps', 'NP', 128],
  ['pd', '66', 128],
  ['ss', 'F3', 32],
  ['sd', 'F2', 64],
] as const;

/**
 * VEX rows of 128 and 256 bits. In `operands`, V is the vector register and M memory of its size;
 * `encoding` begins with the prefix: `66.0F.WIG 58 /r`.
 */
export function vexBoth(
  mnemonic: string,
  operands: string,
  encoding: string,
  features128: string,
  features256: string,
): RowSource[] {
  return [
    row(mnemonic, expand(operands, 0), `VEX.128.${encoding}`, { features: features128 }),
    row(mnemonic, expand(operands, 1), `VEX.256.${encoding}`, { features: features256 }),
  ];
}

const REGISTERS = ['xmm', 'ymm', 'zmm'] as const;

/**
 * V/M register and memory of the full length; H/Q/O register (at least xmm) and HM/QM/OM memory of
 * a half, quarter, eighth.
 */
function expand(operands: string, length: 0 | 1 | 2): string {
  const bits = 128 << length;
  const fraction = (shift: number) => REGISTERS[Math.max(length - shift, 0)]!;
  return operands.replace(/\b([VMHQO]M?)\b/g, (_, name: string) => {
    switch (name) {
      case 'V':
        return REGISTERS[length];
      case 'M':
        return `m${bits}`;
      case 'H':
        return fraction(1);
      case 'HM':
        return `m${bits >> 1}`;
      case 'Q':
        return fraction(2);
      case 'QM':
        return `m${bits >> 2}`;
      case 'O':
        return fraction(3);
      default:
        return `m${bits >> 3}`;
    }
  });
}

/**
 * EVEX rows of the lengths named (0 = 128, 1 = 256, 2 = 512). Rounding and SAE exist at 512 only;
 * below 512 AVX512VL is needed as well.
 */
export function evex(
  mnemonic: string,
  operands: string,
  encoding: string,
  features: string,
  lengths: readonly (0 | 1 | 2)[] = [0, 1, 2],
  options: RowOptions = {},
): RowSource[] {
  return lengths.map((length) => {
    const expanded = expand(operands, length);
    return row(
      mnemonic,
      length === 2 ? expanded : expanded.replace(/\{(er|sae)\}/g, ''),
      `EVEX.${128 << length}.${encoding}`,
      { ...options, features: length === 2 ? features : `${features} avx512vl` },
    );
  });
}

/** Operand orders of FMA in the order of their opcode blocks 9x, Ax, Bx. */
export const FMA_ORDERS = ['132', '213', '231'] as const;

/** `[name, packed opcode, scalar opcode or '']` of block `n`. */
export function fmaOpcodes(n: number): (readonly [string, string, string])[] {
  const at = (low: number) => (0x90 + n * 0x10 + low).toString(16).toUpperCase();
  return [
    ['fmaddsub', at(6), ''],
    ['fmsubadd', at(7), ''],
    ['fmadd', at(8), at(9)],
    ['fmsub', at(0xa), at(0xb)],
    ['fnmadd', at(0xc), at(0xd)],
    ['fnmsub', at(0xe), at(0xf)],
  ];
}
