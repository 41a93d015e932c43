import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, EINVAL, EIO, EOPNOTSUPP } from '../../abi/errno.table.ts';
import { O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/file-flags.ts';
import { nodeEntropy } from '../../host/crypto.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { Fixture, USER } from '../../vfs/testing/fixture.ts';
import { type AttestationSource, addAttestation } from './attestation.ts';
import { Devices } from './devices.ts';

const source: AttestationSource = {
  type: 'sim',
  quote: (reportData) => Uint8Array.from([0x51, ...reportData]),
  keys: new Map([['volume', new Uint8Array(32).fill(6)]]),
};

function setup(from: AttestationSource = source) {
  const fixture = new Fixture();
  const devices = new Devices(fixture.vfs, fixture.clock, nodeEntropy);
  fixture.vfs.nodeOpener = devices;
  addAttestation(fixture.tmpfs, devices, from);
  const open = (name: string, flags: number) => fixture.mustOpen(`/attestation/${name}`, flags);
  const read = (name: string) => readAll(open(name, O_RDONLY));
  return { fixture, open, read };
}

function readAll(file: OpenFile): Uint8Array {
  const buffer = new Uint8Array(1000);
  const count = file.read(buffer, 0, 600);
  assert.ok(count >= 0);
  assert.equal(file.read(buffer, count, 100), 0, 'then the end');
  return buffer.slice(0, count);
}

test('the quote is over the report data that was written before', () => {
  const { open, read } = setup();
  assert.equal(new TextDecoder().decode(read('attestation_type')), 'sim');
  const data = new Uint8Array(64).fill(9);
  assert.equal(open('user_report_data', O_WRONLY).write(data, 0, 64), 64);
  assert.deepEqual(read('user_report_data'), data);
  assert.deepEqual(read('quote'), Uint8Array.from([0x51, ...data]));
});

test('fields are only written whole', () => {
  const { open, read } = setup();
  const file = open('user_report_data', O_RDWR);
  assert.equal(file.write(new Uint8Array(63), 0, 63), -EINVAL);
  assert.equal(file.write(new Uint8Array(65), 0, 65), -EINVAL);
  assert.equal(file.writeAt(1, new Uint8Array(64), 0, 64), -EINVAL);
  assert.deepEqual(read('user_report_data'), new Uint8Array(64));
  assert.equal(open('target_info', O_WRONLY).write(new Uint8Array(512), 0, 512), 512);
});

test('what no TEE below offers is EOPNOTSUPP, a TEE that does not answer EIO', () => {
  const { fixture } = setup();
  const open = (f: Fixture, name: string) => f.open(`/attestation/${name}`, O_RDONLY);
  assert.equal(open(fixture, 'report'), -EOPNOTSUPP);
  assert.equal(open(fixture, 'my_target_info'), -EOPNOTSUPP);
  assert.equal(open(setup({ ...source, type: 'none' }).fixture, 'quote'), -EOPNOTSUPP);
  assert.equal(open(setup({ ...source, quote: () => undefined }).fixture, 'quote'), -EIO);
});

test('keys are for root only', () => {
  const { fixture, open, read } = setup();
  assert.deepEqual(read('keys/volume'), new Uint8Array(32).fill(6));
  assert.equal(open('keys/volume', O_WRONLY).write(new Uint8Array(15), 0, 15), -EACCES);
  assert.equal(open('keys/volume', O_WRONLY).write(new Uint8Array(16).fill(1), 0, 16), 16);
  assert.deepEqual(read('keys/volume'), new Uint8Array(16).fill(1));
  fixture.creds = USER;
  assert.equal(fixture.open('/attestation/keys/volume', O_RDONLY), -EACCES);
});
