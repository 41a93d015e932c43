/**
 * The event loop of Node.js as a descriptor: libuv's own epoll set, which becomes readable when the
 * loop has something to do (uv_backend_fd, made for embedding in other loops).
 */

import ffi from 'node:ffi';

/** The descriptor, or -1 when this Node.js does not export it. */
export function eventLoopDescriptor(): number {
  try {
    const program = new ffi.DynamicLibrary(null as never);
    const loopOf = program.getFunction('uv_default_loop', NO_ARGUMENTS as never);
    const descriptorOf = program.getFunction('uv_backend_fd', ONE_POINTER as never);
    const loop = (loopOf as unknown as () => bigint)();
    const fd = (descriptorOf as unknown as (loop: bigint) => number)(loop);
    return Number.isInteger(fd) && fd > 2 ? fd : -1;
  } catch {
    return -1;
  }
}

const NO_ARGUMENTS = { arguments: [], return: 'uint64' } as const;
const ONE_POINTER = { arguments: ['uint64'], return: 'int32' } as const;
