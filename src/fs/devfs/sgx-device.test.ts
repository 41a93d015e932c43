import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, EIO, ENOSYS, EOPNOTSUPP } from '../../abi/errno.table.ts';
import { O_RDONLY } from '../../abi/file-flags.ts';
import { nodeEntropy } from '../../host/crypto.ts';
import { Fixture } from '../../vfs/testing/fixture.ts';
import type { UserMemory } from '../../vfs/user-memory.ts';
import type { AttestationSource } from './attestation.ts';
import { Devices } from './devices.ts';
import { addSgxDevice, SGX_IOCTL } from './sgx-device.ts';

/** 4 KiB of guest memory at 0x10000. */
class Memory implements UserMemory {
  readonly bytes = new Uint8Array(4096);
  #at(addr: number, length: number): Uint8Array | undefined {
    const from = addr - 0x10000;
    return from >= 0 && from + length <= 4096
      ? this.bytes.subarray(from, from + length)
      : undefined;
  }
  read(addr: number, target: Uint8Array): boolean {
    const part = this.#at(addr, target.length);
    if (part) target.set(part);
    return part !== undefined;
  }
  write(addr: number, source: Uint8Array): boolean {
    const part = this.#at(addr, source.length);
    part?.set(source);
    return part !== undefined;
  }
  u32(addr: number, value?: number): number {
    const view = new DataView(this.bytes.buffer);
    if (value !== undefined) view.setUint32(addr - 0x10000, value, true);
    return view.getUint32(addr - 0x10000, true);
  }
}

const source: AttestationSource = {
  type: 'sim',
  quote: (reportData) => Uint8Array.from([0x51, ...reportData]),
  keys: new Map(),
};

function setup(from: AttestationSource = source) {
  const fixture = new Fixture();
  const devices = new Devices(fixture.vfs, fixture.clock, nodeEntropy);
  addSgxDevice(fixture.tmpfs, devices, from);
  fixture.vfs.nodeOpener = devices;
  const file = fixture.mustOpen('/sgx', O_RDONLY);
  const memory = new Memory();
  return {
    memory,
    ioctl: (number: number, argument: number) => file.ioctl(number, argument, memory),
  };
}

const ARGUMENT = 0x10000;
const REPORT_DATA = 0x10100;
const SIZE = 0x10200;
const BUFFER = 0x10300;

function prepare(memory: Memory, size: number): void {
  const view = new DataView(memory.bytes.buffer);
  for (const [i, pointer] of [REPORT_DATA, SIZE, BUFFER].entries())
    view.setBigUint64(8 * i, BigInt(pointer), true);
  memory.bytes.fill(7, 0x100, 0x140);
  memory.u32(SIZE, size);
}

test('numbers are those of Occlum’s toolchain', () => {
  assert.equal(SGX_IOCTL.dcapQuoteSize, 0x80047307);
  assert.equal(SGX_IOCTL.genDcapQuote, 0xc0187308);
});

test('a quote is made over the report data, into the buffer', () => {
  const { memory, ioctl } = setup();
  assert.equal(ioctl(SGX_IOCTL.detectDcapDriver, ARGUMENT), 0);
  assert.equal(memory.u32(ARGUMENT), 1);
  assert.equal(ioctl(SGX_IOCTL.dcapQuoteSize, ARGUMENT), 0);
  assert.equal(memory.u32(ARGUMENT), 65);
  prepare(memory, 100);
  assert.equal(ioctl(SGX_IOCTL.genDcapQuote, ARGUMENT), 0);
  assert.equal(memory.u32(SIZE), 65);
  assert.deepEqual(
    memory.bytes.slice(0x300, 0x341),
    Uint8Array.from([0x51, ...new Uint8Array(64).fill(7)]),
  );
});

test('small buffers, wild pointers, a silent TEE and other commands have their errno', () => {
  const { memory, ioctl } = setup();
  prepare(memory, 64);
  assert.equal(ioctl(SGX_IOCTL.genDcapQuote, ARGUMENT), -EINVAL);
  assert.equal(ioctl(SGX_IOCTL.genDcapQuote, 0x20000), -EFAULT);
  assert.equal(ioctl(SGX_IOCTL.isEdmmSupported, 4), -EFAULT);
  prepare(memory, 100);
  new DataView(memory.bytes.buffer).setBigUint64(16, 0xffffffff0000n, true);
  assert.equal(ioctl(SGX_IOCTL.genDcapQuote, ARGUMENT), -EFAULT);
  assert.equal(ioctl(0xc010730b, ARGUMENT), -EOPNOTSUPP);
  assert.equal(ioctl(0x5401, ARGUMENT), -ENOSYS);
  const silent = setup({ ...source, quote: () => undefined });
  assert.equal(silent.ioctl(SGX_IOCTL.dcapQuoteSize, ARGUMENT), -EIO);
});
