import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FileAnchor } from './file-anchor.ts';

const scratch = mkdtempSync(join(tmpdir(), 'cloister-anchor-'));
after(() => rmSync(scratch, { recursive: true }));
const state = (generation: number) => ({ generation, commitment: new Uint8Array(32).fill(7) });
const id = (byte: number) => new Uint8Array(16).fill(byte);

test('read() gives what advance() left, and undefined for other volumes', () => {
  const anchor = new FileAnchor(join(scratch, 'good'));
  assert.equal(anchor.read(id(1)), undefined);
  anchor.advance(id(1), undefined, state(1));
  anchor.advance(id(1), state(1), state(2));
  anchor.advance(id(2), undefined, state(9));
  assert.deepEqual(anchor.read(id(1)), state(2));
  assert.deepEqual(anchor.read(id(2)), state(9));
  assert.equal(anchor.read(id(3)), undefined);
  const stale = { code: 'CLOISTER_VOLUME_STALE', message: /moved by someone else/ };
  for (const expected of [undefined, state(1), { ...state(2), commitment: new Uint8Array(32) }])
    assert.throws(() => anchor.advance(id(1), expected, state(3)), stale);
});

test('a file that is no anchor is an error of its own, whatever it holds', () => {
  const path = join(scratch, 'bad');
  const entry = (value: unknown) => JSON.stringify({ ['01'.repeat(16)]: value });
  const texts = [
    ...['', '{', 'null', '[]', '7', '"text"', '{"x":1}', '{"x":null}'],
    entry({ generation: '5', commitment: '07'.repeat(32) }),
    entry({ generation: 5.5, commitment: '07'.repeat(32) }),
    entry({ generation: 5 }),
    entry({ generation: 5, commitment: '07' }),
  ];
  for (const text of texts) {
    writeFileSync(path, text);
    const anchor = new FileAnchor(path);
    const wanted = { code: 'CLOISTER_VOLUME_STALE', message: /damaged, or something else/ };
    assert.throws(() => anchor.read(id(1)), wanted, text);
    assert.throws(() => anchor.advance(id(1), undefined, state(1)), wanted, text);
    assert.equal(readFileSync(path, 'utf8'), text);
  }
});

test('a place that cannot be read or written is named, with the reason', () => {
  mkdirSync(join(scratch, 'folder'));
  const code = 'CLOISTER_VOLUME_IO';
  const folder = new FileAnchor(join(scratch, 'folder'));
  assert.throws(() => folder.read(id(1)), { code, message: /folder cannot be read \(EISDIR\)/ });
  const nowhere = new FileAnchor(join(scratch, 'none/anchor'));
  const message = /none\/anchor cannot be locked \(ENOENT\)/;
  assert.throws(() => nowhere.advance(id(1), undefined, state(1)), { code, message });
});

test('volumes of several processes may share a file: no move of one undoes one of another', async () => {
  const path = join(scratch, 'shared');
  const module = new URL('./file-anchor.ts', import.meta.url).href;
  const script = (byte: number) => `
    const { FileAnchor } = await import('${module}');
    const anchor = new FileAnchor('${path}');
    const id = new Uint8Array(16).fill(${byte});
    const state = (generation) => ({ generation, commitment: new Uint8Array(32) });
    for (let n = 0; n < 60; n++) anchor.advance(id, n === 0 ? undefined : state(n), state(n + 1));`;
  const ended = [1, 2, 3].map((byte) => {
    const args = [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      script(byte),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    return new Promise((resolve) => child.on('close', resolve));
  });
  assert.deepEqual(await Promise.all(ended), [0, 0, 0]);
  for (const byte of [1, 2, 3]) assert.equal(new FileAnchor(path).read(id(byte))?.generation, 60);
});
