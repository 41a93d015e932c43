import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EIO, ENODATA, ENOENT, EROFS } from '../../abi/errno.table.ts';
import { S_IFLNK, S_IFREG } from '../../abi/file-mode.ts';
import { nodeCrypto } from '../../host/crypto.ts';
import { FixedFileClock } from '../../vfs/file-clock.ts';
import { FIRST_COOKIE, type Inode } from '../../vfs/inode.ts';
import type { PageSegment } from '../../vfs/mappable.ts';
import { type FileNode, newDir } from './index-model.ts';
import { encodeIndex } from './index-writer.ts';
import { MerkleBuilder } from './merkle.ts';
import type { ImageDamage } from './source.ts';
import { VerityFileSystem } from './verity-file-system.ts';
import { VerityTree } from './verity-tree.ts';

const meta = { uid: 1, gid: 2, mtimeSec: 7, mtimeNsec: 8 };
const text = (value: string) => new TextEncoder().encode(value);

function built(data: Uint8Array) {
  const builder = new MerkleBuilder(nodeCrypto);
  builder.update(data);
  const { tree, rootHash } = builder.finish();
  return { stored: new Uint8Array(Buffer.concat([data, tree])), rootHash };
}

/** A file system with /file, /link and /dir/0 … /dir/99; its blobs may be changed by the test. */
function sample(data: Uint8Array) {
  const contents = built(data);
  const file: FileNode = {
    ...meta,
    kind: 'file',
    mode: S_IFREG | 0o640,
    xattrs: [{ name: 'user.note', value: text('x') }],
    sizeBytes: data.length,
    rootHash: contents.rootHash,
    blob: 0,
    dataOffsetBytes: 0,
  };
  const root = newDir();
  root.entries.set('file', file);
  root.entries.set('link', {
    ...meta,
    kind: 'symlink',
    mode: S_IFLNK | 0o777,
    xattrs: [],
    target: 'dir/\xff',
  });
  const dir = newDir();
  root.entries.set('dir', dir);
  for (let i = 0; i < 100; i++) dir.entries.set(String(i), file);
  const digest = new Uint8Array(32).fill(0xaa);
  const index = encodeIndex(root, [{ digest, sizeBytes: contents.stored.length }]);
  const blobs = new Map([
    ['aa'.repeat(32), contents.stored],
    ['index', built(index).stored],
  ]);
  const source = {
    open(name: string) {
      const bytes = blobs.get(name) as Uint8Array;
      return {
        sizeBytes: bytes.length,
        readAt(offset: number, target: Uint8Array) {
          const part = bytes.subarray(offset, offset + target.length);
          target.set(part);
          return part.length;
        },
      };
    },
  };
  const location = { digest: 'index', sizeBytes: index.length, rootHash: built(index).rootHash };
  const damages: ImageDamage[] = [];
  const segments = { createSegment: (_: string, size: number) => new FakeSegment(size) };
  const fs = new VerityFileSystem(new VerityTree(source, location, nodeCrypto), {
    clock: new FixedFileClock(),
    segments,
    onDamage: (damage) => damages.push(damage),
  });
  return { fs, blobs, damages };
}

class FakeSegment implements PageSegment {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.bytes = new Uint8Array(sizeBytes);
  }

  resize = () => 0 as const;
  punch = () => 0 as const;
  seal = () => undefined;

  read(offset: number, target: Uint8Array) {
    target.set(this.bytes.subarray(offset, offset + target.length));
    return 0 as const;
  }

  write(offset: number, source: Uint8Array) {
    this.bytes.set(source, offset);
    return 0 as const;
  }

  [Symbol.dispose](): void {
    this.bytes.fill(0);
  }
}

const data = text('hello '.repeat(3000));

test('VerityFileSystem shows attributes, links, xattrs and contents as measured', () => {
  const { fs } = sample(data);
  const file = fs.root.lookup('file') as Inode;
  assert.deepEqual(
    [file.mode, file.uid, file.gid, file.nlink, file.size, file.mtimeSec],
    [S_IFREG | 0o640, 1, 2, 101, data.length, 7],
  );
  assert.equal(fs.root.lookup('nothing'), -ENOENT);
  assert.equal((fs.root.lookup('link') as Inode).readlink(), 'dir/\xff');
  assert.deepEqual(file.getXattr('user.note'), text('x'));
  assert.equal(file.getXattr('user.other'), -ENODATA);
  const target = new Uint8Array(10);
  assert.equal(file.readAt(2, target, 1, 5), 5);
  assert.deepEqual(target, text('\0llo h\0\0\0\0'));
  assert.equal(file.readAt(data.length, target, 0, 5), 0);
  assert.equal(file.setMode(0o777), -EROFS);
});

test('iterate() goes on after any cookie and gives the inode numbers of lookup()', () => {
  const { fs } = sample(data);
  const dir = fs.root.lookup('dir') as Inode;
  const names: string[] = [];
  let cookie = FIRST_COOKIE;
  for (let before = -1; before !== names.length; ) {
    before = names.length;
    let room = 7;
    dir.iterate(cookie, {
      emit(name, ino, _type, next) {
        if (room-- === 0) return false;
        names.push(name);
        assert.equal(ino, (dir.lookup(name) as Inode).ino);
        cookie = next;
        return true;
      },
    });
  }
  assert.equal(new Set(names).size, 100);
});

test('pages() fills the asked range with verified bytes, and zeros behind the end', () => {
  const { fs, damages } = sample(data);
  const file = fs.root.lookup('file') as Inode;
  const mapped = file.pages(4096, 4096);
  assert.ok(mapped !== undefined && typeof mapped !== 'number');
  const segment = mapped.segment as FakeSegment;
  assert.deepEqual(segment.bytes.subarray(4096, 8192), data.subarray(4096, 8192));
  file.pages(0, segment.sizeBytes);
  assert.deepEqual(segment.bytes.subarray(0, data.length), data);
  assert.ok(segment.bytes.subarray(data.length).every((byte) => byte === 0));
  assert.equal(damages.length, 0);
});

test('damage gives EIO and is reported with the path, for reads and mappings', () => {
  const { fs, blobs, damages } = sample(data);
  (blobs.get('aa'.repeat(32)) as Uint8Array)[5000]! ^= 1;
  const file = fs.root.lookup('file') as Inode;
  assert.equal(file.readAt(0, new Uint8Array(10), 0, 10), -EIO);
  assert.equal(file.pages(0, 8192), -EIO);
  assert.deepEqual(new Set(damages.map((one) => one.where)), new Set(['/file']));
});
