/** Compiles and drives `mutant-runner.c`: runs accepted units in a child process. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('mutant-runner.c', import.meta.url));

/** One unit to run from one of its entries. */
export interface RunCase {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly entry: number;
  readonly stepping: boolean;
  readonly seed: number;
}

/** What a run ended with; 128 and more are violations (mutant-runner.c). */
export const OUTCOMES = ['exit', 'fault', '#GP', '#DE', '#UD', 'timeout', 'steps'] as const;
export const VIOLATIONS = [
  ...['runs outside', 'touches outside', 'fetches outside', 'stops inside an instruction'],
  ...['canary changed', 'reserved slot changed', 'FS or GS base changed', 'AC, NT or IOPL set'],
  ...['x87 state left unmarked', 'segment register changed', 'trap'],
] as const;

export class MutantRunner implements Disposable {
  readonly tlsDisplacement: number;
  readonly #folder: string;
  readonly #binary: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'cloister-mutants-'));
    this.#binary = join(this.#folder, 'runner');
    const flags = ['-O1', '-fcf-protection=none', '-fno-stack-protector', '-no-pie'];
    execFileSync('gcc', [...flags, '-o', this.#binary, SOURCE]);
    this.tlsDisplacement = Number(execFileSync(this.#binary, ['tls'], { encoding: 'utf8' }));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Outcome of every case. The child's death is the violation `runs outside` of its last case. */
  run(cases: readonly RunCase[]): { outcomes: Uint8Array; log: string } {
    const child = spawnSync(this.#binary, ['run'], {
      input: Buffer.concat(cases.flatMap(encode)),
      maxBuffer: 1 << 28,
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    const outcomes = Uint8Array.from(child.stdout);
    let log = child.stderr.toString();
    if (outcomes.length === cases.length && child.status === 0) return { outcomes, log };
    log += `the child ended at case ${outcomes.length}: ${child.signal ?? child.status}\n`;
    return { outcomes: Uint8Array.from([...outcomes, 128]), log };
  }
}

function encode(one: RunCase): Buffer[] {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(one.bytes.length, 0);
  head.writeUInt32LE(one.entry, 4);
  head.writeUInt32LE(one.stepping ? 1 : 0, 8);
  head.writeUInt32LE(one.seed, 16);
  const { buffer, byteOffset, byteLength } = one.starts;
  return [head, Buffer.from(one.bytes), Buffer.from(buffer, byteOffset, byteLength)];
}
