import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { TranslationSource } from '../cpu/cache/translation-file.ts';
import { TranslationFolder } from './translation-files.ts';

function inFolder<T>(
  work: (path: string, open: (limitBytes?: number) => TranslationFolder, log: string[]) => T,
): T {
  const path = mkdtempSync(join(tmpdir(), 'cloister-translations-'));
  const log: string[] = [];
  const logger = { log: (_level: string, line: string) => void log.push(line) };
  const clean = () => rmSync(path, { recursive: true, force: true });
  try {
    const result = work(
      path,
      (limit) => new TranslationFolder(logger, join(path, 'in'), limit),
      log,
    );
    if (result instanceof Promise) return result.finally(clean) as T;
    clean();
    return result;
  } catch (error) {
    clean();
    throw error;
  }
}

const files = (path: string): string[] =>
  readdirSync(join(path, 'in'))
    .filter((name) => name !== 'key')
    .map((name) => join(path, 'in', name));

const bytesOf = (source: TranslationSource | undefined) =>
  source && Uint8Array.from(source.read(0, source.sizeBytes) ?? []);

const BYTES = Uint8Array.from({ length: 300 }, (_, n) => n * 7);
/** Of several chunks. */
const LONG = Uint8Array.from({ length: 40_000 }, (_, n) => n * 7 + (n >> 8));

test('what one run keeps the next one has; what is not there is undefined without a word', () => {
  inFolder((_path, open, log) => {
    assert.equal(open().load('a'), undefined);
    open().save('a', BYTES);
    assert.deepEqual(bytesOf(open().load('a')), BYTES);
    assert.equal(open().load('b'), undefined);
    open().save('a', undefined);
    assert.equal(open().load('a'), undefined);
    assert.deepEqual(log, []);
  });
});

test('a file with any bit changed, cut short or continued is ignored with one line', () => {
  inFolder((path, open, log) => {
    open().save('a', BYTES);
    const [file] = files(path) as [string];
    const good = readFileSync(file);
    const bad = [
      ...Array.from({ length: good.length }, (_, n) => {
        const mutant = Buffer.from(good);
        mutant[n]! ^= 1 << (n & 7);
        return mutant;
      }),
      ...[0, 1, 31, 32, 33, good.length - 1].map((length) => good.subarray(0, length)),
      Buffer.concat([good, Buffer.of(0)]),
    ];
    for (const [n, mutant] of bad.entries()) {
      writeFileSync(file, mutant);
      assert.equal(bytesOf(open().load('a'))?.length ?? 0, 0);
      assert.equal(log.length, n + 1);
      assert.match(
        log[n]!,
        /^translations of a in .* are ignored and made anew: it is not authentic/,
      );
    }
    writeFileSync(file, good);
    assert.ok(open().load('a'));
  });
});

test('any part of a long file can be read; a changed chunk is not there, the others are', () => {
  inFolder((path, open, log) => {
    open().save('a', LONG);
    const [file] = files(path) as [string];
    const whole = open().load('a');
    for (const [offset, length] of [
      [0, 40_000],
      [16_383, 2],
      [16_384, 16_384],
      [39_999, 1],
      [40_000, 0],
      [100, 30_000],
    ] as const)
      assert.deepEqual(
        Uint8Array.from(whole?.read(offset, length) ?? []),
        LONG.subarray(offset, offset + length),
      );
    for (const [offset, length] of [
      [-1, 2],
      [0, 40_001],
      [40_001, 0],
      [5, -1],
    ] as const)
      assert.equal(whole?.read(offset, length), undefined);
    const mutant = readFileSync(file);
    mutant[20_000]! ^= 1;
    writeFileSync(file, mutant);
    const damaged = open().load('a');
    assert.equal(damaged?.read(16_380, 10), undefined);
    assert.equal(damaged?.read(20_001, 1), undefined);
    assert.equal(damaged?.read(0, 16_384)?.length, 16_384);
    assert.equal(damaged?.read(32_768, 100)?.length, 100);
    assert.equal(log.length, 1);
  });
});

test('a file planted under the name of another module, or made by another user, is ignored', () => {
  inFolder((path, open, log) => {
    open().save('a', BYTES);
    const [a] = files(path) as [string];
    open().save('b', BYTES.slice(1));
    const b = files(path).find((one) => one !== a) as string;
    writeFileSync(b, readFileSync(a));
    assert.equal(open().load('b'), undefined);
    writeFileSync(join(path, 'in', 'key'), Buffer.alloc(32, 7));
    assert.equal(open().load('a'), undefined);
    assert.equal(log.length, 2);
  });
});

test('a key that is none keeps and gives nothing', () => {
  inFolder((path, open) => {
    open().save('a', BYTES);
    writeFileSync(join(path, 'in', 'key'), 'short');
    assert.equal(open().load('a'), undefined);
    open().save('b', BYTES);
    assert.equal(files(path).length, 1);
  });
});

test('beyond the limit the files used longest ago go; leftovers of killed runs go after a day', () => {
  inFolder((path, open) => {
    open().save('old', BYTES);
    const [old] = files(path) as [string];
    utimesSync(old, 1, 1);
    const leftOver = `${old}.0123456789ab`;
    writeFileSync(leftOver, '');
    utimesSync(leftOver, 1, 1);
    open().save('new', BYTES);
    assert.ok(files(path).includes(old) && !files(path).includes(leftOver));
    open(750).save('newer', BYTES);
    assert.equal(open().load('old'), undefined);
    assert.ok(open().load('new') && open().load('newer'));
  });
});

test('runs that write at once leave whole files under one key', async () => {
  await inFolder(async (path, open, log) => {
    const folder = JSON.stringify(join(path, 'in'));
    const module = JSON.stringify(new URL('./translation-files.ts', import.meta.url).href);
    const code = `
      const { TranslationFolder } = await import(${module});
      const { workerData } = await import('node:worker_threads');
      const folder = new TranslationFolder({ log() {} }, ${folder});
      for (let n = 0; n < 30; n++) {
        folder.save('shared', new Uint8Array(5000 + workerData).fill(workerData));
        folder.load('shared');
      }`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
    const workers = [1, 2, 3].map((workerData) => new Worker(url, { workerData }));
    const done = workers.map((worker) => new Promise((end) => worker.once('exit', end)));
    assert.deepEqual(await Promise.all(done), [0, 0, 0]);
    const last = bytesOf(open().load('shared'));
    assert.ok(last && last.length === 5000 + last[0]! && last.every((byte) => byte === last[0]));
    assert.equal(files(path).length, 1);
    assert.deepEqual(log, []);
  });
});
