/** A process that writes to a volume is killed at random moments: no synced record is ever lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../src/base/random.ts';
import { checkVolume } from '../../src/fs/sealed/check.ts';
import { rawKey } from '../../src/fs/sealed/l1-keys/unlock.ts';
import { createVolume, openVolume } from '../../src/fs/sealed/volume.ts';
import { nodeCrypto, nodeEntropy } from '../../src/host/crypto.ts';
import { VolumeFile } from '../../src/host/volume-file.ts';
import { FixedFileClock } from '../../src/vfs/file-clock.ts';

const ROUNDS = 8 * Number(process.env['CLOISTER_LONG'] ?? 1);
const key = rawKey(new Uint8Array(32).fill(9));
const clock = new FixedFileClock();
const context = (host: VolumeFile) => ({
  host,
  crypto: nodeCrypto,
  entropy: nodeEntropy,
  name: 'killed',
});

async function writeUntilKilled(path: string, first: number, afterMs: number): Promise<number> {
  const script = new URL('./writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  const started = new Promise<void>((resolve) =>
    child.stdout.on('data', (data) => {
      out += data;
      resolve();
    }),
  );
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([started, closed]);
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  const lines = out.split('\n').slice(0, -1);
  return Number(lines.at(-1) ?? first - 1);
}

test('kill -9 of the writer at random moments loses no synced record', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cloister-kill-'));
  try {
    const path = join(scratch, 'volume');
    const random = new SeededRandom(5);
    {
      using host = new VolumeFile(path, 'create');
      const slots = [{ name: 'key', maker: key }];
      createVolume(context(host), { sizeBytes: 1 << 30, slots, clock });
    }
    let durable = 0;
    for (let round = 0; round < ROUNDS; round++) {
      durable = await writeUntilKilled(path, durable + 1, random.below(120));
      using host = new VolumeFile(path, 'write');
      const fs = openVolume(context(host), { clock, secret: key });
      assert.deepEqual(checkVolume(fs.store).problems, [], `round ${round}`);
      // The one after the last reported may have become durable, too.
      if (typeof fs.root.lookup(`r${durable + 1}`) !== 'number') durable += 1;
      assert.equal(typeof fs.root.lookup(`r${durable + 1}`), 'number');
      for (let number = Math.max(1, durable - 19); number <= durable; number++) {
        const file = fs.root.lookup(`r${number}`);
        assert.ok(
          typeof file !== 'number',
          `round ${round}: record ${number} of ${durable} is lost`,
        );
        const bytes = new Uint8Array(file.size);
        assert.equal(file.readAt(0, bytes, 0, bytes.length), 1 + ((number * 7919) % 90_000));
        assert.ok(bytes.every((byte) => byte === (number & 255)));
      }
    }
    assert.ok(durable > ROUNDS, `${durable} records`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
