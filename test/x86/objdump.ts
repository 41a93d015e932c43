/** Compares our decoder with `objdump -d` on the executable sections of a file. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { DECODE_OK, decodeInto } from '../../src/x86/decode.ts';
import { Instruction } from '../../src/x86/instruction.ts';

export interface Comparison {
  /** Lines of objdump that stand for an instruction. */
  instructions: number;
  /** Same boundary. */
  equal: number;
  /** In no row, by objdump's mnemonic. */
  unknown: Map<string, number>;
  /** Decoded with another length: `address: bytes text (our length)`. */
  different: string[];
}

export function hasObjdump(): boolean {
  return spawnSync('objdump', ['--version']).status === 0;
}

/** What objdump prints for a lone prefix or bytes it does not know. */
const NOT_INSTRUCTIONS =
  /^(\(bad\)|\.byte.*|\.insn.*|((rex\S*|data16|addr32|lock|rep|repz|repnz|cs|ds|es|ss|fs|gs|bnd|notrack|xacquire|xrelease)(\s+|$))+)\s*$/;

export interface CompareOptions {
  /** Compare only every n-th chunk of 4096 instructions, if given. */
  readonly every?: number;
  /** Addresses, if not all. */
  readonly range?: readonly [number, number];
  readonly onInstruction?: (instruction: Instruction, bytes: Uint8Array, text: string) => void;
}

export async function compareWithObjdump(
  file: string,
  options: CompareOptions = {},
): Promise<Comparison> {
  const result: Comparison = { instructions: 0, equal: 0, unknown: new Map(), different: [] };
  const [start, stop] = options.range ?? [];
  const range = start === undefined ? [] : [`--start-address=${start}`, `--stop-address=${stop}`];
  const child = spawn('objdump', ['-d', '-w', '-M', 'intel', ...range, file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const instruction = new Instruction();
  const bytes = new Uint8Array(32).fill(0xcc);
  let line = 0;
  for await (const text of createInterface({ input: child.stdout })) {
    const firstTab = text.indexOf('\t');
    const secondTab = text.indexOf('\t', firstTab + 1);
    if (firstTab < 0 || secondTab < 0) continue;
    if (options.every !== undefined && (line++ >> 12) % options.every !== 0) continue;
    const mnemonic = text.slice(secondTab + 1);
    if (NOT_INSTRUCTIONS.test(mnemonic)) continue;
    let count = 0;
    for (let at = firstTab + 1; at + 1 < secondTab && text.charCodeAt(at) !== 32; at += 3)
      bytes[count++] = Number.parseInt(text.slice(at, at + 2), 16);
    if (mnemonic.includes('(bad)') || count > 15) continue;
    result.instructions++;
    bytes.fill(0xcc, count);
    // objdump shows fwait and the x87 instruction behind it as one.
    if (bytes[0] === 0x9b && count > 1) {
      bytes.copyWithin(0, 1);
      count--;
    }
    const status = decodeInto(instruction, bytes, 0, 32);
    if (status !== DECODE_OK) {
      const name = nameOf(mnemonic);
      result.unknown.set(name, (result.unknown.get(name) ?? 0) + 1);
    } else if (instruction.length !== count) {
      if (result.different.length < 100)
        result.different.push(
          `${text.trim()} (we: ${instruction.length}, ${instruction.row.text})`,
        );
    } else {
      result.equal++;
      options.onInstruction?.(instruction, bytes, mnemonic);
    }
  }
  return result;
}

/** The mnemonic of objdump's text with its prefixes. */
function nameOf(text: string): string {
  const words = text.split(/\s+/);
  const prefix = /^(rex\S*|data16|addr32|lock|repz|repnz|rep|cs|ds|es|ss|fs|gs|bnd|notrack)$/;
  const at = words.findIndex((word) => !prefix.test(word));
  return words.slice(0, at + 1).join(' ');
}
