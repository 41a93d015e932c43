/** Character devices by number: who opens them. One table a kernel. */

import { ENXIO } from '../../abi/errno.table.ts';
import { S_IFCHR, S_IFMT } from '../../abi/file-mode.ts';
import type { Entropy } from '../../base/interfaces.ts';
import type { Credentials } from '../../vfs/credentials.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import type { OpenFile, OpenRequest } from '../../vfs/open-file.ts';
import type { NodeOpener, Vfs } from '../../vfs/vfs.ts';
import { PipeFs } from '../pipefs/pipefs.ts';
import { FullFile, NullFile, RandomFile, ZeroFile } from './memory-devices.ts';
import { DEV } from './numbers.ts';
import { type Devpts, openControlling, openMaster } from './tty/pty.ts';

export type DeviceOpener = (request: OpenRequest) => OpenFile | number;

export class Devices implements NodeOpener {
  readonly pipes: PipeFs;
  readonly #openers = new Map<number, DeviceOpener>();

  constructor(vfs: Vfs, clock: FileClock, entropy: Entropy) {
    this.pipes = new PipeFs(vfs, clock);
    this.register(DEV.null, (request) => new NullFile(request));
    this.register(DEV.zero, (request) => new ZeroFile(request));
    this.register(DEV.full, (request) => new FullFile(request));
    this.register(DEV.random, (request) => new RandomFile(request, entropy));
    this.register(DEV.urandom, (request) => new RandomFile(request, entropy));
  }

  /** `device` as makeDev() gives it. */
  register(device: number, opener: DeviceOpener): void {
    this.#openers.set(device, opener);
  }

  /** Terminals: /dev/tty, and /dev/ptmx where it is a node of its own. */
  useTerminals(devpts: Devpts): void {
    this.register(DEV.ptmx, (request) => openMaster(devpts, request));
    this.register(DEV.tty, (request) => openControlling(devpts, request));
  }

  makePipe(who: Credentials, flags: number, limitBytes?: number): [OpenFile, OpenFile] {
    return this.pipes.makePipe(who, flags, limitBytes);
  }

  openFifo(request: OpenRequest): OpenFile | number {
    return this.pipes.openFifo(request);
  }

  openDevice(request: OpenRequest): OpenFile | number {
    if ((request.inode.mode & S_IFMT) !== S_IFCHR) return -ENXIO;
    const opener = this.#openers.get(request.inode.rdev);
    return opener === undefined ? -ENXIO : opener(request);
  }
}
