import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogReader, OutputLog } from './output-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'cloister-log-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('the log keeps the end of what was written, below its bound; readers miss nothing', () => {
  const log = new OutputLog(folder, 200);
  using follower = new LogReader(folder);
  let seen = Buffer.from(follower.first(undefined));
  let written = '';
  for (let i = 0; i < 40; i++) {
    const line = `line ${i}`;
    log.print(line);
    written += `${line}\n`;
    seen = Buffer.concat([seen, follower.more()]);
  }
  assert.equal(seen.toString(), written);
  const sizes = ['log', 'log.1'].map((name) => statSync(join(folder, name)).size);
  assert.ok(sizes.every((size) => size <= 100));
  using reader = new LogReader(folder);
  const kept = Buffer.from(reader.first(undefined)).toString();
  assert.ok(kept.length > 100 && written.endsWith(kept));
  for (const [lines, wanted] of [
    [0, ''],
    [1, 'line 39\n'],
    [2, 'line 38\nline 39\n'],
    [1000, kept],
  ] as const) {
    using tail = new LogReader(folder);
    assert.equal(Buffer.from(tail.first(lines)).toString(), wanted);
  }
});

test('a write is taken whole, however large', () => {
  const stream = new OutputLog(folder, 64).stream();
  const bytes = new Uint8Array(1000).fill(0x61);
  assert.equal(stream.write(bytes, 0, bytes.length), bytes.length);
});
