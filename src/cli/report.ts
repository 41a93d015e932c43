/** How sub-commands show progress, results and errors, and which exit status they end with. */

import { RUN_STATUS } from './errors.ts';

/** Exit status by error code; anything else that is for people is 1. */
const EXIT_STATUS: Readonly<Record<string, number>> = {
  CLOISTER_USAGE: 2,
  CLOISTER_CONFIG: 2,
  CLOISTER_IMAGE_DAMAGED: 3,
  CLOISTER_IMAGE_UNTRUSTED: 4,
  CLOISTER_IMAGE_KEY: 4,
  CHANNEL_REFUSED: 4,
  CLOISTER_VOLUME_DAMAGED: 3,
  CLOISTER_VOLUME_STALE: 5,
  CLOISTER_VOLUME_KEY: 4,
};

/** Prints an error for people and sets the exit status; a bug of Cloister keeps its stack. */
export function reportError(error: unknown): void {
  const code = (error as { code?: unknown }).code;
  const isForPeople = error instanceof Error && typeof code === 'string' && !isAssertion(code);
  const text = isForPeople ? error.message : error instanceof Error ? error.stack : String(error);
  for (const line of String(text).split('\n')) process.stderr.write(`cloister: ${line}\n`);
  const own = (error as { exitStatus?: unknown }).exitStatus;
  const listed = typeof code === 'string' ? EXIT_STATUS[code] : undefined;
  process.exitCode = typeof own === 'number' ? own : (listed ?? 1);
}

function isAssertion(code: string): boolean {
  return code === 'CLOISTER_ASSERT' || code.startsWith('ERR_');
}

/**
 * Of `run`: what Cloister itself has to say ends with 125 (or 126, 127 where an error says so), so
 * that it is not taken for the program's own status.
 */
function reportRunError(error: unknown): void {
  reportError(error);
  const own = (error as { exitStatus?: unknown }).exitStatus;
  process.exitCode = typeof own === 'number' ? own : RUN_STATUS.failed;
}

/**
 * Nobody reads our output any more (`cloister … | head`): the end that SIGPIPE gives other programs,
 * whose signal Node.js ignores.
 */
export function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      const ignore = () => undefined;
      process.on('SIGPIPE', ignore);
      // Without a listener the signal has its default action again.
      process.removeListener('SIGPIPE', ignore);
      process.kill(process.pid, 'SIGPIPE');
    });
}

type Action<Args extends unknown[]> = (...args: Args) => Promise<void>;

/** An action whose errors are reported instead of thrown. */
export const reporting = <Args extends unknown[]>(action: Action<Args>): Action<Args> =>
  withReport(action, reportError);

/** The same with the exit status of {@link reportRunError}. */
export const reportingRun = <Args extends unknown[]>(action: Action<Args>): Action<Args> =>
  withReport(action, reportRunError);

function withReport<Args extends unknown[]>(
  action: Action<Args>,
  report: (error: unknown) => void,
): Action<Args> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      report(error);
    }
  };
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

/** A line that counts on a terminal, and nothing elsewhere. */
export class Progress implements Disposable {
  readonly #label: string;
  #lastMs = 0;
  #shown = false;

  constructor(label: string) {
    this.#label = label;
  }

  update(done: number, total: number): void {
    if (!process.stderr.isTTY) return;
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < 50 && done < total) return;
    this.#lastMs = nowMs;
    this.#shown = true;
    process.stderr.write(`\r\x1b[K${this.#label} ${done}/${total}`);
  }

  [Symbol.dispose](): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}
