import assert from 'node:assert/strict';
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { S_IFIFO, S_IFLNK } from '../abi/file-mode.ts';
import { ITEM, itemKey } from '../fs/sealed/l4-store/keys.ts';
import { encodeEntries, nameHash } from '../fs/sealed/l5-files/names.ts';
import type { SealedFileSystem } from '../fs/sealed/l6-vfs/sealed-file-system.ts';
import { MemoryHost } from '../fs/sealed/testing/memory-host.ts';
import { createVolume, makeDirectory, makeFile, ok, treeOf } from '../fs/sealed/testing/volume.ts';
import type { Inode } from '../vfs/inode.ts';
import { copyIn } from './volume-copy-in.ts';
import { copyOut } from './volume-copy-out.ts';

const scratch = nodeFs.mkdtempSync(join(tmpdir(), 'cloister-copy-'));
after(() => nodeFs.rmSync(scratch, { recursive: true }));

let count = 0;
/** A folder with a file, a link, a folder, and a name that is no UTF-8. */
function folder(): string {
  const dir = join(scratch, `in${count++}`);
  nodeFs.mkdirSync(join(dir, 'sub'), { recursive: true });
  nodeFs.writeFileSync(join(dir, 'a'), 'hello', { mode: 0o640 });
  nodeFs.utimesSync(join(dir, 'a'), 10, 1234.5);
  nodeFs.writeFileSync(join(dir, 'sub/b'), 'below');
  nodeFs.symlinkSync('a', join(dir, 'link'));
  nodeFs.writeFileSync(Buffer.concat([Buffer.from(`${dir}/odd`), Buffer.of(0xff)]), 'odd');
  return dir;
}

function volume() {
  const fs = createVolume(new MemoryHost(), { sizeBytes: 8 << 20 });
  const skipped: string[] = [];
  const skip = (path: string) => void skipped.push(path);
  const self = process.execPath;
  return {
    ...{ fs, skipped },
    put: (source: string, path: string, isRecursive = true) =>
      copyIn(fs.root, source, path, { isRecursive, skip, self }),
    get: (path: string, target: string, isRecursive = true) =>
      copyOut(fs.root, path, target, { isRecursive, skip }),
  };
}

const contents = (fs: SealedFileSystem) => Object.fromEntries(treeOf(fs.root));
const FOLDER = { a: 'hello', link: 'link a', 'odd\xff': 'odd', sub: 'directory', 'sub/b': 'below' };
const at = (path: string) =>
  Object.fromEntries(Object.entries(FOLDER).map(([name, value]) => [`${path}/${name}`, value]));

test('cp -r puts folders where cp would, and brings back what it put', async () => {
  const { fs, put, get } = volume();
  const dir = folder();
  await put(`${dir}/.`, '/');
  assert.deepEqual(contents(fs), at(''));
  await put(dir, '/new');
  await put(dir, '/new');
  const own = dir.slice(scratch.length + 1);
  const both = { ...at(''), '/new': 'directory', ...at('/new') };
  assert.deepEqual(contents(fs), { ...both, [`/new/${own}`]: 'directory', ...at(`/new/${own}`) });
  const out = join(scratch, 'out');
  await get('/new', out);
  // Again, over what is there: into it, as cp does.
  await get('/new', out);
  const names = nodeFs.readdirSync(join(out, 'new'));
  assert.deepEqual(nodeFs.readdirSync(out).sort(), [...names, 'new'].sort());
  for (const name of ['a', 'sub/b'])
    assert.deepEqual(nodeFs.readFileSync(join(out, name)), nodeFs.readFileSync(join(dir, name)));
  assert.equal(nodeFs.readlinkSync(join(out, 'link')), 'a');
  const { mode, mtimeMs } = nodeFs.statSync(join(out, 'a'));
  assert.deepEqual([mode & 0o777, mtimeMs], [0o640, 1_234_500]);
  assert.ok(nodeFs.existsSync(Buffer.concat([Buffer.from(`${out}/odd`), Buffer.of(0xff)])));
  await get('/new/.', out);
});

test('cp refuses names that no file can have, and kinds that do not fit', async () => {
  const { fs, put, get } = volume();
  const dir = folder();
  await put(join(dir, 'a'), '/file');
  await put(join(dir, 'sub'), '/dir');
  const before = contents(fs);
  for (const [source, path, why] of [
    ['a', '/file/..', /no such directory/],
    ['a', '/nowhere/..', /no such directory/],
    ['a', `/${'n'.repeat(256)}`, /at most 255/],
    ['a', '/nowhere/x', /\/nowhere: no such directory/],
    ['a', '/file/x', /\/file: no such directory/],
    ['a', '/nowhere/', /no such directory/],
    ['sub', '/file', /no directory in the volume/],
  ] as const)
    await assert.rejects(put(join(dir, source), path), why, path);
  await assert.rejects(put(join(dir, 'sub'), '/x', false), /give -r/);
  await assert.rejects(put('-', '/dir'), /needs the name/);
  await assert.rejects(put(join(dir, 'missing'), '/x'), /ENOENT/);
  nodeFs.mkdirSync(join(dir, 'out/dir'), { recursive: true });
  nodeFs.writeFileSync(join(dir, 'out/other'), '');
  await assert.rejects(get('/dir', join(dir, 'out/other')), /is no folder/);
  await assert.rejects(get('/dir', '-'), /is a directory/);
  await assert.rejects(get('/none', '-'), /no such file/);
  assert.deepEqual(contents(fs), before);
});

test('.. of a path in a volume leads up to its root, and no further', async () => {
  const { fs, put, get } = volume();
  const dir = folder();
  await put(join(dir, 'sub'), '/dir');
  await put(join(dir, 'a'), '/dir/..');
  await put(join(dir, 'a'), '/dir/../../dir/c');
  const all = { '/a': 'hello', '/dir': 'directory', '/dir/b': 'below', '/dir/c': 'hello' };
  assert.deepEqual(contents(fs), all);
  const out = join(dir, 'up/out');
  nodeFs.mkdirSync(out, { recursive: true });
  await get('/dir/..', out);
  await get('/dir/../dir/..', out);
  assert.deepEqual(nodeFs.readdirSync(out).sort(), ['a', 'dir']);
  assert.deepEqual(nodeFs.readdirSync(join(dir, 'up')), ['out']);
  await assert.rejects(get('/a/..', out), /no such file/);
});

test('links are followed without -r, special files are left out, a pipe is read', async () => {
  const { fs, put, skipped } = volume();
  const dir = folder();
  await put(join(dir, 'link'), '/copy', false);
  assert.deepEqual(contents(fs), { '/copy': 'hello' });
  await put('/dev/null', '/empty', false);
  await put('/dev/null', '/left-out', true);
  nodeFs.mkdirSync(join(dir, 'only'));
  nodeFs.symlinkSync('/dev/zero', join(dir, 'only/zero'));
  await put(`${dir}/only/.`, '/');
  assert.deepEqual(skipped, ['/dev/null']);
  assert.deepEqual(contents(fs), { '/copy': 'hello', '/empty': '', '/zero': 'link /dev/zero' });
  const fifo = { mode: S_IFIFO | 0o600, uid: 0, gid: 0, rdev: 0 };
  ok(fs.root.create('fifo', fifo));
  await copyOut(fs.root, '/', join(dir, 'back'), {
    isRecursive: true,
    skip: (path) => void skipped.push(path),
  });
  assert.deepEqual(skipped, ['/dev/null', '/fifo']);
  assert.deepEqual(nodeFs.readdirSync(join(dir, 'back')).sort(), ['copy', 'empty', 'zero']);
});

test('a volume does not copy itself', async () => {
  const { fs, skipped } = volume();
  const dir = folder();
  const skip = (path: string) => void skipped.push(path);
  await copyIn(fs.root, dir, '/x', { isRecursive: true, skip, self: join(dir, 'a') });
  assert.deepEqual(skipped, [join(dir, 'a')]);
  assert.equal(contents(fs)['/x/a'], undefined);
});

test('what does not fit leaves what was there, and no half of it', async () => {
  const { fs, put } = volume();
  const dir = folder();
  await put(join(dir, 'a'), '/file');
  nodeFs.truncateSync(join(dir, 'a'), 10 << 20);
  await assert.rejects(put(join(dir, 'a'), '/file'), /no room/);
  await assert.rejects(put(join(dir, 'a'), '/other'), /no room/);
  assert.deepEqual(contents(fs), { '/file': 'hello' });
  assert.equal(fs.sync(), 0);
  assert.equal(fs.store.fileCount, 2);
});

test('nothing in a volume leads a copy out of its folder', async () => {
  const { fs, get } = volume();
  const outside = join(scratch, 'outside');
  nodeFs.mkdirSync(outside);
  const target = join(scratch, 'target');
  // A link first, then a directory or a file of the same name: what a maker of volumes may try.
  const link = { mode: S_IFLNK | 0o777, uid: 0, gid: 0, rdev: 0 };
  const top = makeDirectory(fs.root, 'top');
  ok(top.symlink('x', outside, link));
  ok(top.symlink('y', join(outside, 'file'), link));
  await get('/top', target);
  ok(top.unlink('x', ok(top.lookup('x') as Inode)));
  ok(top.unlink('y', ok(top.lookup('y') as Inode)));
  makeFile(makeDirectory(top, 'x'), 'file');
  makeFile(top, 'y');
  await assert.rejects(get('/top/.', target), /x is no folder/);
  await get('/top/y', target);
  nodeFs.unlinkSync(join(target, 'x'));
  await get('/top/.', target);
  assert.deepEqual(nodeFs.readdirSync(outside), []);
  const file = makeFile(fs.root, 'victim');
  for (const names of [['../evil'], ['..'], ['.'], ['a\0b'], ['twice', 'twice']]) {
    const dir = makeDirectory(fs.root, `of ${names[0]?.length}${names.length}${names[0]?.[0]}`);
    const list = names.map((name) => ({ name, inode: file.ino, type: 8 }));
    const key = itemKey(dir.ino, ITEM.dirent);
    fs.store.tree.set(key, nameHash(names[0] ?? '', fs.store.nameSeed), encodeEntries(list));
    await assert.rejects(
      copyOut(dir, '/', join(scratch, 'evil'), { isRecursive: true, skip: assert.fail }),
    );
  }
  assert.deepEqual(nodeFs.readdirSync(outside), []);
});
