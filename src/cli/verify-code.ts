/** `cloister verify-code UNIT`: asks the code verifier about translated bytes; explains a rejection. */

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Verdict } from '../cpu/verify/types.ts';
import type { Examined, Violation } from '../tools/violations.ts';
import { CommandError, usageError } from './errors.ts';
import { printJson, printLine, reporting } from './report.ts';

interface Options {
  readonly hex?: boolean;
  readonly json?: boolean;
  readonly tls: string;
  readonly placement: string;
  readonly target?: readonly string[];
  readonly at?: string;
}

const MAGIC = 'CLTRANSL';
const TOTAL_AT = 24;

export function register(program: Command): void {
  const collect = (value: string, before: string[] = []): string[] => [...before, value];
  program
    .command('verify-code')
    .description('check translated code against the policy of docs/code-verifier.md')
    .argument('<unit>', 'the bytes of a unit, or a translation file; - for standard input')
    .option('--hex', 'the file has hex digits instead of bytes')
    .option('--tls <displacement>', 'fs: displacement of slot 0', '-256')
    .option('--placement <offset>', 'where in code memory the unit will lie', '65536')
    .option('--target <offset>', 'a registered place outside (default: any place)', collect)
    .option('--at <ADDRESS>', 'of a translation file: only the unit at 0x… in the ELF file')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nOf a rejected unit, each rule that it breaks is named where that happens first.\n' +
        '\nExample:\n  echo 65488b00ebfe | cloister verify-code --hex -\n' +
        '\nExit status: 0 accepted, 1 rejected.\n',
    )
    .action(reporting(verifyCode));
}

async function verifyCode(path: string, options: Options): Promise<void> {
  const bytes = await readUnit(path, options.hex === true);
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, MAGIC.length));
  if (start === MAGIC) await verifyFile(path, bytes, options);
  else if (options.at !== undefined) throw usageError('--at: this is no translation file');
  else await verifyOne(bytes, options);
}

async function verifyOne(bytes: Uint8Array, options: Options): Promise<void> {
  const { examine } = await import('../tools/violations.ts');
  const targets = options.target?.map(Number);
  const { verdict, violations } = examine(bytes, {
    placement: Number(options.placement),
    tlsDisplacement: Number(options.tls),
    isTarget: (offset) => targets === undefined || targets.includes(offset),
  });
  if (!verdict.ok) process.exitCode = 1;
  if (options.json) printJson(plain(verdict, violations));
  else if (verdict.ok) {
    printLine(`accepted: ${verdict.instructionCount} instructions, ${bytes.length} bytes`);
    printLine(`branches out of the unit: ${verdict.externalBranches.length}`);
    printLine(`x87 or MMX state: ${verdict.usesX87 ? 'used' : 'not used'}`);
  } else explain(violations);
}

/** Every unit of a translation file, as the cache would place it. */
async function verifyFile(path: string, bytes: Uint8Array, options: Options): Promise<void> {
  const { Arena } = await import('../cpu/translate/arena.ts');
  const { sourceOfBytes, TranslationFile } = await import('../cpu/cache/translation-file.ts');
  const { examineUnit } = await import('../tools/violations.ts');
  // Behind what is kept on this machine stands a code that authenticates it.
  const total = bytes.length < TOTAL_AT + 4 ? 0 : Buffer.from(bytes).readUInt32LE(TOTAL_AT);
  const file = TranslationFile.open(sourceOfBytes(bytes.subarray(0, total || bytes.length)));
  if (typeof file !== 'object')
    throw new CommandError('CLOISTER_TRANSLATIONS', `${path}: ${file ?? 'it cannot be read'}`);
  const wanted = options.at === undefined ? undefined : Number(options.at);
  const arena = new Arena();
  const results: (Examined & { readonly address: number })[] = [];
  let isDamaged = false;
  for (const address of wanted === undefined ? file.addresses() : [wanted]) {
    const unit = file.unit(address, 0, 0, arena);
    if (unit) results.push({ address, ...examineUnit(unit) });
    else if (wanted === undefined) isDamaged = true;
    else throw usageError(`--at ${options.at}: ${path} has no unit there`);
  }
  const rejected = results.filter(({ verdict }) => !verdict.ok);
  if (rejected.length > 0 || isDamaged) process.exitCode = 1;
  if (options.json) {
    printJson(
      results.map(({ address, verdict, violations }) => ({
        address,
        ...plain(verdict, violations),
      })),
    );
    return;
  }
  for (const { address, violations } of rejected) {
    printLine(`unit 0x${address.toString(16)}`);
    explain(violations);
  }
  const accepted = results.length - rejected.length;
  printLine(`accepted: ${accepted} of ${results.length} units`);
  if (isDamaged) printLine('some units of the file do not decode');
}

async function readUnit(path: string, isHex: boolean): Promise<Uint8Array> {
  const content = await readFile(path === '-' ? '/dev/stdin' : path).catch((cause: Error) => {
    throw usageError(`${path}: ${cause.message}`);
  });
  if (!isHex) return content;
  return Uint8Array.from(Buffer.from(content.toString('latin1').replace(/\s/g, ''), 'hex'));
}

function plain(verdict: Verdict, violations: readonly Violation[]): object {
  if (!verdict.ok) return { ...verdict, violations };
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

/** Each rule, and the instructions around the first one that breaks it. */
function explain(violations: readonly Violation[]): void {
  for (const { reason, offset, text, code } of violations) {
    printLine(`rejected: ${reason} at offset ${offset}`);
    printLine(`rule: ${text}`);
    for (const line of code) {
      const mark = line.offset === offset ? '>' : ' ';
      printLine(
        `${mark} ${line.offset.toString(16).padStart(4)}  ${line.bytes.padEnd(44)} ${line.text}`,
      );
    }
  }
}
