/** Child of kill.test.ts: writes numbered records, syncs, and says which number is durable. */
import { writeSync } from 'node:fs';
import { S_IFREG } from '../../src/abi/file-mode.ts';
import { rawKey } from '../../src/fs/sealed/l1-keys/unlock.ts';
import { openVolume } from '../../src/fs/sealed/volume.ts';
import { nodeCrypto, nodeEntropy } from '../../src/host/crypto.ts';
import { VolumeFile } from '../../src/host/volume-file.ts';
import { FixedFileClock } from '../../src/vfs/file-clock.ts';

const [path, first] = process.argv.slice(2) as [string, string];
const fs = openVolume(
  { host: new VolumeFile(path, 'write'), crypto: nodeCrypto, entropy: nodeEntropy, name: path },
  { clock: new FixedFileClock(), secret: rawKey(new Uint8Array(32).fill(9)) },
);
for (let number = Number(first); ; number++) {
  // Each record has its own contents and size, and an earlier one goes.
  const bytes = new Uint8Array(1 + ((number * 7919) % 90_000)).fill(number & 255);
  const file = fs.root.create(`r${number}`, { mode: S_IFREG | 0o600, uid: 0, gid: 0, rdev: 0 });
  if (typeof file === 'number') throw new Error(`errno ${-file}`);
  file.writeAt(0, bytes, 0, bytes.length);
  const old = fs.root.lookup(`r${number - 20}`);
  if (typeof old !== 'number') fs.root.unlink(`r${number - 20}`, old);
  if (fs.sync() !== 0) throw new Error('sync failed');
  writeSync(1, `${number}\n`);
}
