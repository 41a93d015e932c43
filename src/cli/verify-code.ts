/** `cloister verify-code UNIT`: asks the code verifier about translated bytes; explains a rejection. */

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Rejected, Verdict } from '../cpu/verify/types.ts';
import { printJson, printLine, reporting } from './report.ts';

interface Options {
  readonly hex?: boolean;
  readonly json?: boolean;
  readonly tls: string;
  readonly placement: string;
  readonly target?: readonly string[];
}

const SHOWN_BEFORE = 3;

export function register(program: Command): void {
  const collect = (value: string, before: string[] = []): string[] => [...before, value];
  program
    .command('verify-code')
    .description('check a unit of translated code against the policy of docs/code-verifier.md')
    .argument('<unit>', 'file with the bytes of the unit, or - for standard input')
    .option('--hex', 'the file has hex digits instead of bytes')
    .option('--tls <displacement>', 'fs: displacement of slot 0', '-256')
    .option('--placement <offset>', 'where in code memory the unit will lie', '65536')
    .option('--target <offset>', 'a registered place outside (default: any place)', collect)
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  echo 65488b00ebfe | cloister verify-code --hex -\n\nExit status: 0 accepted, 1 rejected.\n',
    )
    .action(reporting(verifyCode));
}

async function verifyCode(path: string, options: Options): Promise<void> {
  const { CodeVerifier } = await import('../cpu/verify/verifier.ts');
  const bytes = await readUnit(path, options.hex === true);
  const targets = options.target?.map(Number);
  const verdict = new CodeVerifier().verifyUnit(bytes, {
    placement: Number(options.placement),
    tlsDisplacement: Number(options.tls),
    isTarget: (offset) => targets === undefined || targets.includes(offset),
  });
  if (!verdict.ok) process.exitCode = 1;
  if (options.json) printJson(plain(verdict));
  else if (verdict.ok) {
    printLine(`accepted: ${verdict.instructionCount} instructions, ${bytes.length} bytes`);
    printLine(`branches out of the unit: ${verdict.externalBranches.length}`);
    printLine(`x87 or MMX state: ${verdict.usesX87 ? 'used' : 'not used'}`);
  } else await explain(bytes, verdict);
}

async function readUnit(path: string, isHex: boolean): Promise<Uint8Array> {
  const content = await readFile(path === '-' ? '/dev/stdin' : path);
  if (!isHex) return content;
  return Uint8Array.from(Buffer.from(content.toString('latin1').replace(/\s/g, ''), 'hex'));
}

function plain(verdict: Verdict): unknown {
  if (!verdict.ok) return verdict;
  const { starts, externalBranches, ...rest } = verdict;
  const bits = [...starts].flatMap((word, n) =>
    Array.from({ length: 32 }, (_, bit) => ((word >>> bit) & 1 ? n * 32 + bit : -1)),
  );
  return {
    ...rest,
    starts: bits.filter((at) => at >= 0),
    externalBranches: [...externalBranches],
  };
}

/** The rule, and the instructions that lead to the one that broke it. */
async function explain(bytes: Uint8Array, verdict: Rejected): Promise<void> {
  const { decode } = await import('../x86/decode.ts');
  const { print } = await import('../x86/print.ts');
  printLine(`rejected: ${verdict.reason} at offset ${verdict.offset}`);
  printLine(`rule: ${verdict.text}`);
  const lines: string[] = [];
  for (let at = 0; at <= verdict.offset && at < bytes.length; ) {
    const result = decode(bytes, at, bytes.length);
    const instruction = result.status === 0 ? result.instruction : undefined;
    const length = instruction?.length ?? bytes.length - at;
    const hex = Buffer.from(bytes.subarray(at, at + Math.min(length, 15))).toString('hex');
    const text = instruction ? print(instruction, at) : 'not an instruction of the table';
    const mark = at === verdict.offset ? '>' : ' ';
    lines.push(`${mark} ${at.toString(16).padStart(4)}  ${hex.padEnd(32)}${text}`);
    at += length;
  }
  for (const line of lines.slice(-1 - SHOWN_BEFORE)) printLine(line);
}
