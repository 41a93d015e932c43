/** A kernel over the fake platform and a tmpfs, for tests that need no processor. */

import { SeededRandom } from '../../base/random.ts';
import { PipeFs } from '../../fs/pipefs/pipefs.ts';
import { Tmpfs } from '../../fs/tmpfs/tmpfs.ts';
import { sharedNativeHost } from '../../host/native/testing/shared-native-host.ts';
import { createAddressSpaces } from '../../mm/space-context.ts';
import { Dispatcher } from '../../syscalls/dispatcher.ts';
import { FixedFileClock } from '../../vfs/file-clock.ts';
import { FsContext } from '../../vfs/fs-context.ts';
import { openAt } from '../../vfs/open.ts';
import { OpenFile } from '../../vfs/open-file.ts';
import { Path } from '../../vfs/path.ts';
import { Vfs } from '../../vfs/vfs.ts';
import { Credentials } from '../credentials.ts';
import type { Host } from '../host.ts';
import { Kernel, type KernelOptions } from '../kernel.ts';
import { FakePlatform, type Script } from './fake-platform.ts';

/** Time that only moves when the kernel waits. */
export class FakeHost implements Host {
  ns = 1_000_000_000;
  readonly lines: string[] = [];
  readonly clock = {
    monotonicNs: () => BigInt(Math.floor(this.ns)),
    nowNs: () => Math.floor(this.ns),
    processorNs: () => Math.floor(this.ns),
    realtimeNs: () => 1_700_000_000_000_000_000n + BigInt(Math.floor(this.ns)),
  };
  readonly entropy = {
    fill: (target: Uint8Array) => target.set(new SeededRandom(1).bytes(target.length)),
  };
  readonly logger = { log: (level: string, text: string) => this.lines.push(`${level}: ${text}`) };
  readonly hasPendingIo = false;

  async waitForEvents(timeoutNs: number): Promise<void> {
    if (timeoutNs === Number.POSITIVE_INFINITY) throw new Error('deadlock: everybody sleeps');
    this.ns += timeoutNs;
  }

  wake(): void {
    // Nobody sleeps in the host.
  }
}

/** Data memory that every program has: zero at start, one mebibyte. */
export const DATA = 0x80_0000;

/** A program whose code starts at `entry`, with memory at {@link DATA}. */
export function fakeElf(entry: number): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 6, true);
  view.setBigUint64(64 + 16, BigInt(DATA), true);
  view.setBigUint64(64 + 40, 0x10_0000n, true);
  view.setBigUint64(64 + 48, 4096n, true);
  return bytes;
}

export class KernelFixture {
  readonly platform = new FakePlatform();
  readonly host = new FakeHost();
  readonly vfs: Vfs;
  readonly kernel: Kernel;
  readonly trace: string[] = [];
  readonly #who;

  constructor(options: KernelOptions = {}) {
    const clock = new FixedFileClock();
    const native = sharedNativeHost();
    this.vfs = new Vfs(clock, new Tmpfs(clock, native.pages, { mode: 0o755 }));
    const pipes = new PipeFs(this.vfs, clock);
    this.vfs.nodeOpener = {
      makePipe: (who, flags) => pipes.makePipe(who, flags),
      openFifo: (request) => pipes.openFifo(request),
      openDevice: () => -6,
    };
    const spaces = createAddressSpaces(native.pages, undefined);
    this.#who = {
      fs: new FsContext(this.vfs.root, this.vfs.root),
      creds: Credentials.forUser(0, 0),
    };
    this.kernel = new Kernel({
      platform: this.platform,
      host: this.host,
      vfs: this.vfs,
      syscalls: new Dispatcher({
        logger: this.host.logger,
        trace: (task, line) => this.trace.push(`${task} ${line}`),
      }),
      createSpace: (template) => spaces.create(template),
      options: { randomizeLayout: false, ...options },
    });
  }

  /** Puts bytes into a file. */
  write(path: string, bytes: Uint8Array, mode = 0o755): void {
    const file = openAt(this.vfs, this.#who, undefined, new Path(path), 0o1102, mode);
    if (!(file instanceof OpenFile)) throw new Error(`open ${path}: ${file}`);
    file.write(bytes, 0, bytes.length);
    file.release();
  }

  /** Makes a program of a script. */
  program(path: string, script: Script): void {
    this.write(path, fakeElf(this.platform.addressOf(script)));
  }

  /** Runs a script as a process of its own; its status as wait(2) has it. */
  async run(script: Script, uid = 0): Promise<number> {
    this.program('/main', script);
    const group = this.kernel.spawn({
      path: '/main',
      argv: ['main'],
      env: [],
      fds: [],
      keepsStatus: true,
      uid,
      gid: uid,
    });
    await this.kernel.run(() => group.isZombie);
    return this.kernel.collect(group) as number;
  }
}
