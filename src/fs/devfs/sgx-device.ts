/**
 * `/dev/sgx` as Occlum offers it (its `src/libos/src/fs/dev_fs/dev_sgx`): twelve ioctls under the
 * letter 's'. Those for a DCAP quote work with the evidence of whatever TEE lies below; EPID, local
 * reports, enclave keys and verification inside are EOPNOTSUPP, since no TEE below has them.
 */

import { EACCES, EFAULT, EINVAL, EIO, ENOSYS, EOPNOTSUPP } from '../../abi/errno.table.ts';
import { makeDev, S_IFCHR } from '../../abi/file-mode.ts';
import { assert } from '../../base/assert.ts';
import { Inode } from '../../vfs/inode.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';
import type { UserMemory } from '../../vfs/user-memory.ts';
import type { Tmpfs } from '../tmpfs/tmpfs.ts';
import type { AttestationSource } from './attestation.ts';
import type { Devices } from './devices.ts';

const REPORT_DATA_BYTES = 64;
/** Beside `/dev/attestation` among the local numbers. */
const DEVICE = makeDev(241, 0);

/** `_IOC(direction, 's', number, size)`: direction 1 in, 2 out, 3 both (asm-generic/ioctl.h). */
const command = (direction: number, number: number, sizeBytes: number): number =>
  ((direction << 30) | (sizeBytes << 16) | (0x73 << 8) | number) >>> 0;

export const SGX_IOCTL = {
  isEdmmSupported: command(2, 0, 4),
  detectDcapDriver: command(2, 6, 4),
  dcapQuoteSize: command(2, 7, 4),
  genDcapQuote: command(3, 8, 24),
} as const;
/** Numbers that Occlum knows and no TEE below can serve. */
const UNSUPPORTED: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 9, 10, 11]);

export function addSgxDevice(devfs: Tmpfs, devices: Devices, source: AttestationSource): void {
  const spec = { uid: 0, gid: 0, rdev: DEVICE, mode: S_IFCHR | 0o666 };
  assert(devfs.root.create('sgx', spec) instanceof Inode);
  devices.register(DEVICE, (request) => new SgxFile(request, source));
}

class SgxFile extends OpenFile {
  readonly #source: AttestationSource;

  constructor(request: OpenRequest, source: AttestationSource) {
    super(request);
    this.#source = source;
  }

  override read(): number {
    return -EACCES;
  }

  override write(): number {
    return -EACCES;
  }

  override ioctl(number: number, argument: number, memory: UserMemory): number {
    const { type } = this.#source;
    switch (number >>> 0) {
      case SGX_IOCTL.isEdmmSupported:
        return putU32(memory, argument, 0);
      case SGX_IOCTL.detectDcapDriver:
        return putU32(memory, argument, type === 'none' ? 0 : 1);
      case SGX_IOCTL.dcapQuoteSize: {
        const quote = this.#quote(new Uint8Array(REPORT_DATA_BYTES));
        return quote === undefined ? -EIO : putU32(memory, argument, quote.length);
      }
      case SGX_IOCTL.genDcapQuote:
        return this.#generate(argument, memory);
      default: {
        const isOurs = ((number >>> 8) & 0xff) === 0x73;
        return isOurs && UNSUPPORTED.has(number & 0xff) ? -EOPNOTSUPP : -ENOSYS;
      }
    }
  }

  #quote(reportData: Uint8Array): Uint8Array | undefined {
    return this.#source.type === 'none' ? undefined : this.#source.quote(reportData);
  }

  /** Three pointers: report data (64 bytes), size of the buffer (u32), buffer. */
  #generate(argument: number, memory: UserMemory): number {
    const raw = new Uint8Array(24);
    if (!memory.read(argument, raw)) return -EFAULT;
    const view = new DataView(raw.buffer);
    const pointer = (at: number): number => Number(view.getBigUint64(at, true));
    const size = new Uint8Array(4);
    const reportData = new Uint8Array(REPORT_DATA_BYTES);
    if (!memory.read(pointer(8), size) || !memory.read(pointer(0), reportData)) return -EFAULT;
    const quote = this.#quote(reportData);
    if (quote === undefined) return -EIO;
    if (new DataView(size.buffer).getUint32(0, true) < quote.length) return -EINVAL;
    if (!memory.write(pointer(16), quote)) return -EFAULT;
    return putU32(memory, pointer(8), quote.length);
  }
}

function putU32(memory: UserMemory, address: number, value: number): number {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return memory.write(address, bytes) ? 0 : -EFAULT;
}
