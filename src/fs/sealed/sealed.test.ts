import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EIO, ENOENT, ENOSPC, ENOTEMPTY } from '../../abi/errno.table.ts';
import { S_IFLNK } from '../../abi/file-mode.ts';
import { SeededRandom } from '../../base/random.ts';
import type { Inode } from '../../vfs/inode.ts';
import { checkVolume } from './check.ts';
import { failing, MemoryHost } from './testing/memory-host.ts';
import {
  contentsText,
  createVolume,
  makeDirectory,
  makeFile,
  ok,
  openVolume,
  readAll,
  treeOf,
} from './testing/volume.ts';

const text = (value: string) => new TextEncoder().encode(value);
const write = (file: Inode, at: number, bytes: Uint8Array) =>
  assert.equal(file.writeAt(at, bytes, 0, bytes.length), bytes.length);

test('a volume keeps files, links, attributes and xattrs over a reopening', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  const dir = makeDirectory(fs.root, 'dir');
  const small = makeFile(dir, 'small');
  write(small, 0, text('hello'));
  const big = makeFile(fs.root, 'big');
  const data = new SeededRandom(1).bytes(300_000);
  write(big, 0, data);
  ok(fs.root.symlink('link', 'dir/small', { mode: S_IFLNK | 0o777, uid: 0, gid: 0, rdev: 0 }));
  ok(fs.root.link('hard', small));
  ok(small.setXattr('user.a', text('value'), 0));
  ok(big.setMode(0o600));
  assert.equal(fs.sync(), 0);
  const again = openVolume(new MemoryHost(host.snapshot()));
  assert.deepEqual(treeOf(again.root), treeOf(fs.root));
  const hard = ok(again.root.lookup('hard') as Inode);
  assert.equal(hard.nlink, 2);
  assert.equal(hard.uid, 1);
  assert.deepEqual(hard.getXattr('user.a'), text('value'));
  const bigAgain = ok(again.root.lookup('big') as Inode);
  assert.deepEqual(Buffer.from(readAll(bigAgain)), Buffer.from(data));
  assert.equal(bigAgain.mode & 0o777, 0o600);
  assert.deepEqual(checkVolume(again.store).problems, []);
});

test('what was not synced is gone after a reopening, what was synced is there', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  write(makeFile(fs.root, 'kept'), 0, text('1'));
  fs.sync();
  write(makeFile(fs.root, 'lost'), 0, text('2'));
  const again = openVolume(new MemoryHost(host.snapshot()));
  assert.deepEqual([...treeOf(again.root).keys()], ['/kept']);
});

test('a flipped bit anywhere in a closed volume is damage or harmless, never an older state', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  write(makeFile(fs.root, 'table'), 0, new SeededRandom(3).bytes(200_000));
  fs.sync();
  fs.store.close();
  const tree = treeOf(fs.root);
  const whole = host.snapshot();
  let refused = 0;
  for (let at = 700; at < whole.length; at += 1999) {
    const bytes = whole.slice();
    bytes[at]! ^= 1;
    try {
      assert.deepEqual(treeOf(openVolume(new MemoryHost(bytes), { isReadOnly: true }).root), tree);
    } catch (error) {
      assert.match((error as Error).message, /damaged|errno 5/);
      refused++;
    }
  }
  assert.ok(refused > 90, `${refused} of the flips met data`);
});

test('a commit that a crash cut short is remarked on; closing clears the remark', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  write(makeFile(fs.root, 'one'), 0, text('1'));
  fs.sync();
  const place = 4096 * (8 + (fs.store.generation % 2));
  host.bytes[place + 100]! ^= 1;
  const again = openVolume(host);
  assert.deepEqual([...treeOf(again.root).keys()], []);
  assert.match(
    again.store.remark ?? '',
    /^commit 1 was opened, .* a crash cut the last one short, or the host damaged it$/,
  );
  again.store.close();
  const { generation } = again.store;
  assert.equal(openVolume(host).store.remark, undefined);
  openVolume(host).store.close();
  assert.equal(openVolume(host).store.generation, generation, 'a closed volume stays as it is');
});

test('space of deleted and overwritten data is used again', () => {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 64 << 20 });
  const data = new Uint8Array(8 << 20).fill(5);
  for (let round = 0; round < 20; round++) {
    const file = makeFile(fs.root, `file${round}`);
    write(file, 0, data);
    write(file, 0, data);
    ok(fs.root.unlink(`file${round}`, file));
  }
  fs.sync();
  assert.ok(host.sizeBytes < 64 << 20);
  assert.deepEqual(checkVolume(fs.store).problems, []);
  assert.ok(fs.store.space.state.used < 50, `${fs.store.space.state.used} blocks in use`);
});

test('a full volume answers ENOSPC, and can be emptied and used again', () => {
  const fs = createVolume(new MemoryHost(), { sizeBytes: 16 << 20 });
  const file = makeFile(fs.root, 'file');
  const piece = new Uint8Array(1 << 20).fill(1);
  let at = 0;
  let result = piece.length;
  while (result === piece.length) {
    result = file.writeAt(at, piece, 0, piece.length);
    if (result > 0) at += result;
  }
  assert.equal(result, -ENOSPC);
  assert.ok(at > 8 << 20);
  assert.equal(fs.sync(), 0);
  ok(fs.root.unlink('file', file));
  const next = makeFile(fs.root, 'next');
  write(next, 0, piece);
  assert.equal(fs.sync(), 0);
  assert.deepEqual(checkVolume(fs.store).problems, []);
});

test('what a full host does not take waits, and goes when its file goes', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  fs.sync();
  const data = new SeededRandom(4).bytes(65_536);
  const [kept, gone] = [makeFile(fs.root, 'kept'), makeFile(fs.root, 'gone')];
  host.before = (operation) => {
    if (operation === 'write') throw failing('ENOSPC');
  };
  write(kept, 0, data);
  write(gone, 0, data);
  assert.equal(fs.sync(), -ENOSPC);
  assert.deepEqual(Buffer.from(readAll(kept)), Buffer.from(data));
  ok(fs.root.unlink('gone', gone));
  const { sizeBytes } = host;
  host.before = () => undefined;
  assert.equal(fs.sync(), 0);
  assert.ok(host.sizeBytes < sizeBytes + 2 * 65_536, 'contents that are gone were not written');
  const again = openVolume(new MemoryHost(host.snapshot()));
  assert.deepEqual([...treeOf(again.root)], [['/kept', contentsText(data)]]);
  assert.deepEqual(checkVolume(again.store).problems, []);
});

test('sparse files, holes and sizes over 2^32 work', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  const file = makeFile(fs.root, 'sparse');
  write(file, 2 ** 40, text('end'));
  write(file, 100_000, text('middle'));
  fs.sync();
  assert.equal(file.size, 2 ** 40 + 3);
  assert.equal(file.seekData(0), 98_304);
  assert.equal(file.seekHole(98_304), 102_400);
  assert.equal(file.seekData(102_400), 2 ** 40);
  assert.equal(file.blocks, 16);
  const target = new Uint8Array(6);
  file.readAt(100_000, target, 0, 6);
  assert.deepEqual(target, text('middle'));
  assert.equal(file.allocate(3, 90_000, 20_000), 0);
  fs.sync();
  assert.equal(file.seekData(0), 2 ** 40);
  ok(file.truncate(10));
  ok(file.truncate(20));
  assert.deepEqual(readAll(file), new Uint8Array(20));
  fs.sync();
  assert.deepEqual(checkVolume(openVolume(new MemoryHost(host.snapshot())).store).problems, []);
});

test('directories of many entries are listed whole, from any cookie', () => {
  const fs = createVolume(new MemoryHost());
  const dir = makeDirectory(fs.root, 'many') as Inode;
  for (let i = 0; i < 3000; i++) makeFile(dir, `file-${i}`);
  const names = new Set<string>();
  let cookie = 2;
  for (let more = true; more; ) {
    more = false;
    let room = 100;
    dir.iterate(cookie, {
      emit(name, _ino, _type, next) {
        if (room-- === 0) {
          more = true;
          return false;
        }
        names.add(name);
        cookie = next;
        return true;
      },
    });
  }
  assert.equal(names.size, 3000);
  assert.equal(fs.root.rmdir('many', dir), -ENOTEMPTY);
  assert.equal(dir.lookup('nothing'), -ENOENT);
});

test('an open file without a name lives until its release, and not over a crash', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  const file = makeFile(fs.root, 'temporary');
  file.retain();
  write(file, 0, new Uint8Array(100_000).fill(3));
  ok(fs.root.unlink('temporary', file));
  fs.sync();
  assert.equal(readAll(file)[99_999], 3);
  const crashed = openVolume(new MemoryHost(host.snapshot()));
  assert.equal(crashed.root.isEmpty, true);
  crashed.sync();
  assert.equal(checkVolume(crashed.store).inodeCount, 1);
  file.release();
  fs.sync();
  assert.deepEqual(checkVolume(fs.store).problems, []);
  assert.equal(fs.store.fileCount, 1);
});

test('a flipped bit anywhere is found by check, and a reader gets EIO or the right bytes', () => {
  const host = new MemoryHost();
  const fs = createVolume(host);
  const data = new SeededRandom(2).bytes(200_000);
  write(makeFile(fs.root, 'file'), 0, data);
  fs.sync();
  const good = host.snapshot();
  const random = new SeededRandom(3);
  for (let i = 0; i < 200; i++) {
    const bytes = good.slice();
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    let opened: ReturnType<typeof openVolume>;
    try {
      opened = openVolume(new MemoryHost(bytes), { isReadOnly: true });
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^CLOISTER_VOLUME_/);
      continue;
    }
    const file = opened.guard(() => opened.root.lookup('file'));
    if (typeof file === 'number') {
      assert.ok(file === -EIO || file === -ENOENT);
      continue;
    }
    const target = new Uint8Array(data.length);
    const got = file.readAt(0, target, 0, target.length);
    if (got >= 0) assert.deepEqual(Buffer.from(target), Buffer.from(data));
    else assert.equal(got, -EIO);
  }
});

test('opening takes the same reads for every size of volume, and of what it holds', () => {
  const readsOf = (sizeBytes: number, files: number): number => {
    const host = new MemoryHost();
    const fs = createVolume(host, { sizeBytes });
    for (let i = 0; i < files; i++) write(makeFile(fs.root, `file-${i}`), 0, text('contents'));
    if (files > 0) write(makeFile(fs.root, 'big'), 0, new Uint8Array(20 << 20).fill(1));
    assert.equal(fs.sync(), 0);
    fs.store.close();
    let reads = 0;
    host.before = () => {
      reads++;
    };
    openVolume(host);
    return reads;
  };
  const least = readsOf(64 << 20, 0);
  assert.ok(least <= 4, `${least} reads: two header copies, two superblocks`);
  assert.equal(readsOf(2 ** 52, 0), least);
  assert.equal(readsOf(2 ** 40, 10_000), least);
});
