/**
 * A person at a terminal, for tests: a program behind a real pseudo-terminal of the host, its output
 * shown by a terminal emulator, keys typed when the screen shows what they answer to.
 */

import assert from 'node:assert/strict';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface SessionOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly rows?: number;
  readonly columns?: number;
}

export interface SessionEnd {
  readonly status: number;
  readonly signal: number;
}

/** A loaded machine starts slowly; what never comes fails then. */
const PATIENCE_MS = 60_000;

/** Silence after which a screen counts as finished. */
const SETTLED_MS = 150;

export class TerminalSession implements Disposable {
  readonly ended: Promise<SessionEnd>;
  readonly #pty: IPty;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  /** Everything that was ever shown, escape sequences included. */
  raw = '';
  #end: SessionEnd | undefined;
  #changed: () => void = () => undefined;

  constructor({ argv, cwd, env, rows = 24, columns = 80 }: SessionOptions) {
    const [command, ...args] = argv as [string, ...string[]];
    this.#screen = new xterm.Terminal({ rows, cols: columns, allowProposedApi: true });
    this.#pty = spawn(command, args, { cwd, env, rows, cols: columns, name: env['TERM'] ?? '' });
    this.#pty.onData((data) => {
      this.raw += data;
      this.#screen.write(data, () => this.#changed());
    });
    // What a terminal answers when it is asked (cursor position, attributes).
    this.#screen.onData((data) => this.#pty.write(data));
    this.ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#end = { status: exitCode, signal: signal ?? 0 };
        this.#screen.write('', () => {
          this.#changed();
          resolve(this.#end as SessionEnd);
        });
      });
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(rows: number, columns: number): void {
    this.#screen.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  kill(signal: string): void {
    this.#pty.kill(signal);
  }

  /** The screen as a person sees it: lines without trailing blanks, then where the cursor is. */
  screen(): string {
    const { active } = this.#screen.buffer;
    const lines = Array.from({ length: this.#screen.rows }, (_, row) =>
      (active.getLine(active.baseY + row)?.translateToString(true) ?? '').trimEnd(),
    );
    return `${lines.join('\n').trimEnd()}\n[${active.cursorY},${active.cursorX}]`;
  }

  /** Waits until the screen matches. */
  async shows(wanted: RegExp): Promise<void> {
    await this.#until(() => wanted.test(this.screen()), `the screen to show ${wanted}`);
  }

  /** Waits until the screen is exactly `wanted`. */
  async becomes(wanted: string, what: string): Promise<void> {
    try {
      await this.#until(() => this.screen() === wanted, what);
    } catch {
      assert.equal(this.screen(), wanted, what);
    }
  }

  /** Waits until nothing changes any more, and gives the screen. */
  async settled(): Promise<string> {
    for (let shown = this.raw.length; ; shown = this.raw.length) {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
      if (this.raw.length === shown) return this.screen();
    }
  }

  /** Waits for the end, and gives it. */
  async end(): Promise<SessionEnd> {
    await this.#until(() => this.#end !== undefined, 'the end');
    return this.ended;
  }

  async #until(isTrue: () => boolean, what: string): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!isTrue()) {
      const leftMs = deadlineMs - performance.now();
      const hasEnded = this.#end !== undefined && what !== 'the end';
      if (leftMs <= 0 || hasEnded)
        assert.fail(
          `waited for ${what}; ${hasEnded ? `it ended ${JSON.stringify(this.#end)}` : ''}\n` +
            this.screen(),
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 1000));
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  [Symbol.dispose](): void {
    if (this.#end === undefined) this.#pty.kill('SIGKILL');
    this.#screen.dispose();
  }
}
