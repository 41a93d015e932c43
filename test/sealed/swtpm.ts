/** A software TPM 2.0 of the distribution for tests: started, cut off, replaced. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PackageUnavailable, placeOfAll, program } from '../support/packages.ts';

/** Why there is none here; undefined when there is. */
export function missingSwtpm(): string | undefined {
  if (process.platform !== 'linux') return 'swtpm runs on Linux only';
  try {
    program('swtpm', 'swtpm');
    return undefined;
  } catch (error) {
    if (error instanceof PackageUnavailable) return `no swtpm: ${error.message}`;
    throw error;
  }
}

export class SoftwareTpm implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'cloister-tpm-'));
  readonly socket = join(this.folder, 'socket');
  #child: ChildProcess | undefined;

  /** Starts it; its memory is what the last stop, or `restore`, left. */
  async start(): Promise<this> {
    const args = ['socket', '--tpm2', '--tpmstate', `dir=${this.folder}`];
    args.push('--server', `type=unixio,path=${this.socket}`);
    args.push('--flags', 'not-need-init,startup-clear');
    const env = { ...process.env, ...placeOfAll({ swtpm: 'swtpm' }).env };
    this.#child = spawn(program('swtpm', 'swtpm'), args, { stdio: 'ignore', env });
    for (let tries = 0; tries < 400; tries++) {
      if (existsSync(this.socket) && (await this.#answers())) return this;
      await sleep(25);
    }
    throw new Error('swtpm did not start');
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = createConnection({ path: this.socket });
      socket.once('connect', () => socket.end(() => resolve(true)));
      socket.once('error', () => resolve(false));
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    // A power cut: nothing is said to the TPM.
    child.kill('SIGKILL');
    await closed;
    rmSync(this.socket, { force: true });
  }

  /** Another TPM of the same kind, in the place of this one. */
  async replace(): Promise<void> {
    await this.stop();
    rmSync(join(this.folder, 'tpm2-00.permall'));
    await this.start();
  }

  /** What no host can do to a real TPM. */
  async backup(path: string): Promise<void> {
    cpSync(join(this.folder, 'tpm2-00.permall'), path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
