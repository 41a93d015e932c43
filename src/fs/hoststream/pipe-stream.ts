/** A host stream that is a pipe: what all of them answer, whichever way their bytes go. */

import { ESPIPE } from '../../abi/errno.table.ts';
import { S_IFIFO } from '../../abi/file-mode.ts';
import { WaitQueue } from '../../base/wait-queue.ts';
import type { HostStream } from './host-stream.ts';

export abstract class PipeStream implements HostStream {
  readonly mode: number = S_IFIFO | 0o600;
  readonly isSeekable = false;
  readonly startOffset = 0;
  readonly waitQueue = new WaitQueue();
  isBroken = false;

  abstract read(target: Uint8Array, start: number, length: number): number;
  abstract write(source: Uint8Array, start: number, length: number): number;
  abstract isReadable(): boolean;

  readAt(): number {
    return -ESPIPE;
  }

  writeAt(): number {
    return -ESPIPE;
  }

  size(): number {
    return 0;
  }

  truncate(): number {
    return -ESPIPE;
  }

  sync(): number {
    return 0;
  }
}
