/** One buffer a kernel for copies that cannot go straight to guest memory. */

import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task.ts';

const BUFFER_BYTES = 262_144;
const buffers: WeakMap<Kernel, Uint8Array<ArrayBuffer>> = new WeakMap();

/** Valid until the handler returns. */
export function bounceBuffer(task: Task): Uint8Array<ArrayBuffer> {
  let buffer = buffers.get(task.kernel);
  if (buffer === undefined) {
    buffer = new Uint8Array(BUFFER_BYTES);
    buffers.set(task.kernel, buffer);
  }
  return buffer;
}
