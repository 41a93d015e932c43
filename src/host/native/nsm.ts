/**
 * `/dev/nsm` by ioctl (Linux `include/uapi/linux/nsm.h`): NSM_IOCTL_RAW is
 * `_IOWR(0x0A, 0, struct nsm_raw)` with two iovecs, request and response.
 */
import ffi from 'node:ffi';
import { closeSync, openSync } from 'node:fs';
import { assert } from '../../base/assert.ts';
import type { NsmDevice } from '../nsm.ts';

const NSM_IOCTL_RAW = 0xc0200a00n;
const MAXIMUM_REQUEST = 0x1000;
const MAXIMUM_RESPONSE = 0x3000;
const STRUCT_BYTES = 32;

const SIGNATURES = {
  ioctl: { arguments: ['int32', 'uint64', 'pointer'], return: 'int32' },
  __errno_location: { arguments: [], return: 'uint64' },
} as const;

/** Buffers that hold their place: large enough to lie outside of V8's heap. */
function fixedBuffer(bytes: number): Uint8Array {
  return new Uint8Array(Math.max(bytes, 4096)).subarray(0, bytes);
}

export function openNsm(path = '/dev/nsm'): NsmDevice & Disposable {
  const fd = openSync(path, 'r+');
  const library = ffi.dlopen('libc.so.6', SIGNATURES as never);
  const f = library.functions as unknown as Record<
    keyof typeof SIGNATURES,
    (...args: unknown[]) => unknown
  >;
  const errnoAt = BigInt(f.__errno_location() as bigint);
  const errno = new Int32Array(ffi.toArrayBuffer(errnoAt, 4, false));
  return {
    request(message) {
      assert(message.length <= MAXIMUM_REQUEST, 'NSM request too large');
      const request = fixedBuffer(message.length);
      request.set(message);
      const response = fixedBuffer(MAXIMUM_RESPONSE);
      const raw = fixedBuffer(STRUCT_BYTES);
      const view = new DataView(raw.buffer, raw.byteOffset, STRUCT_BYTES);
      view.setBigUint64(0, BigInt(ffi.getRawPointer(request)), true);
      view.setBigUint64(8, BigInt(request.length), true);
      view.setBigUint64(16, BigInt(ffi.getRawPointer(response)), true);
      view.setBigUint64(24, BigInt(response.length), true);
      const result = f.ioctl(fd, NSM_IOCTL_RAW, ffi.getRawPointer(raw)) as number;
      if (result < 0) throw new Error(`ioctl on ${path} failed with errno ${errno[0]}`);
      const length = view.getBigUint64(24, true);
      if (length > BigInt(MAXIMUM_RESPONSE)) throw new Error(`${path} answered ${length} bytes`);
      return response.slice(0, Number(length));
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
