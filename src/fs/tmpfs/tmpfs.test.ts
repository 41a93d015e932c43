import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ENOSPC, ENOTEMPTY, ENXIO } from '../../abi/errno.table.ts';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_CREAT,
  O_RDWR,
  SEEK_DATA,
  SEEK_HOLE,
  SEEK_SET,
} from '../../abi/file-flags.ts';
import type { PageSegment } from '../../vfs/mappable.ts';
import { Fixture } from '../../vfs/testing/fixture.ts';
import type { TmpfsDirectory } from './directory.ts';
import { TmpfsFile } from './file.ts';

type Step =
  | { kind: 'write'; at: number; length: number; seed: number }
  | { kind: 'truncate'; size: number }
  | { kind: 'punch'; at: number; length: number }
  | { kind: 'allocate'; at: number; length: number; keep: boolean }
  | { kind: 'map' };

const offset = fc.integer({ min: 0, max: 200_000 });
const length = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 90_000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), at: offset, length, seed: fc.nat(255) }),
  fc.record({ kind: fc.constant('truncate' as const), size: offset }),
  fc.record({ kind: fc.constant('punch' as const), at: offset, length }),
  fc.record({ kind: fc.constant('allocate' as const), at: offset, length, keep: fc.boolean() }),
  fc.constant({ kind: 'map' as const }),
);

/** A segment in plain memory. */
class FakeSegment implements PageSegment {
  #bytes: Uint8Array;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  resize(size: number): 0 {
    const next = new Uint8Array(size);
    next.set(this.#bytes.subarray(0, size));
    this.#bytes = next;
    return 0;
  }

  read(at: number, target: Uint8Array): 0 {
    assert.ok(at + target.length <= this.#bytes.length);
    target.set(this.#bytes.subarray(at, at + target.length));
    return 0;
  }

  write(at: number, source: Uint8Array): 0 {
    assert.ok(at + source.length <= this.#bytes.length);
    this.#bytes.set(source, at);
    return 0;
  }

  punch(at: number, size: number): 0 {
    this.#bytes.fill(0, at, at + size);
    return 0;
  }

  seal(): void {
    throw new Error('not asked for');
  }

  [Symbol.dispose](): void {
    this.#bytes = new Uint8Array(0);
  }
}

function grown(bytes: Uint8Array, size: number): Uint8Array {
  const next = new Uint8Array(size);
  next.set(bytes.subarray(0, size));
  return next;
}

test('a tmpfs file behaves like an array of bytes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const fixture = new Fixture();
      Object.assign(fixture.tmpfs, {
        segments: { createSegment: (_name: string, size: number) => new FakeSegment(size) },
      });
      const file = fixture.mustOpen('/f', O_CREAT | O_RDWR);
      let model: Uint8Array = new Uint8Array(0);
      for (const s of steps) {
        if (s.kind === 'write') {
          const data = new Uint8Array(s.length).map((_, i) => s.seed + i);
          if (model.length < s.at + s.length) model = grown(model, s.at + s.length);
          model.set(data, s.at);
          assert.equal(file.writeAt(s.at, data, 0, s.length), s.length);
        } else if (s.kind === 'truncate') {
          model = grown(model, s.size);
          assert.equal(file.truncate(s.size), 0);
        } else if (s.kind === 'punch') {
          model.fill(0, s.at, s.at + s.length);
          const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
          assert.equal(file.allocate(mode, s.at, s.length), 0);
        } else if (s.kind === 'allocate') {
          const mode = s.keep ? FALLOC_FL_KEEP_SIZE : 0;
          assert.equal(file.allocate(mode, s.at, s.length), 0);
          if (!s.keep && model.length < s.at + s.length) model = grown(model, s.at + s.length);
        } else if (model.length > 0) {
          const pages = file.inode.pages(0, model.length);
          assert.ok(typeof pages === 'object');
        }
        assert.equal(file.inode.size, model.length);
        const all = new Uint8Array(model.length + 10);
        assert.equal(file.readAt(0, all, 0, all.length), model.length);
        assert.ok(Buffer.from(all.buffer, 0, model.length).equals(Buffer.from(model)));
      }
      file.inode.nlink = 0;
      file.release();
      assert.equal(fixture.tmpfs.space.pagesUsed, 0);
    }),
    { numRuns: 150 },
  );
});

test('SEEK_DATA and SEEK_HOLE find pages', () => {
  const file = new Fixture().mustOpen('/f', O_CREAT | O_RDWR);
  const byte = new Uint8Array([1]);
  file.writeAt(100_000, byte, 0, 1);
  assert.equal(file.seek(0, SEEK_DATA), 98_304);
  assert.equal(file.seek(0, SEEK_HOLE), 0);
  assert.equal(file.seek(99_000, SEEK_HOLE), 100_001);
  assert.equal(file.seek(100_001, SEEK_DATA), -ENXIO);
  assert.equal(file.seek(5, SEEK_SET), 5);
  assert.equal(file.inode.blocks, 8);
});

test('a full tmpfs writes what fits, then answers ENOSPC, and gives space back', () => {
  const fixture = new Fixture({ sizeBytes: 8192, mode: 0o755 });
  const file = fixture.mustOpen('/f', O_CREAT | O_RDWR);
  const data = new Uint8Array(20_000).fill(7);
  assert.equal(file.write(data, 0, 20_000), 8192);
  assert.equal(file.write(data, 0, 1), -ENOSPC);
  assert.equal(file.truncate(4096), 0);
  assert.equal(file.writeAt(4096, data, 0, 10), 10);
});

test('inode limits answer ENOSPC', () => {
  const fixture = new Fixture({ inodeLimit: 2, mode: 0o755 });
  assert.equal(fixture.mkdir('/a'), 0);
  assert.equal(fixture.mkdir('/b'), -ENOSPC);
});

test('directory cookies stay valid while entries come and go', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: fc.nat(80), remove: fc.boolean() }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 5 }),
      (changes, pageSize) => {
        const fixture = new Fixture();
        const root = fixture.tmpfs.root as TmpfsDirectory;
        const spec = { mode: 0o100644, uid: 0, gid: 0, rdev: 0 };
        for (let i = 0; i < 20; i++) root.create(`stay${i}`, spec);
        const seen: string[] = [];
        let cookie = 2;
        let change = 0;
        while (true) {
          let taken = 0;
          root.iterate(cookie, {
            emit(name, _ino, _type, next) {
              if (taken === pageSize) return false;
              taken++;
              seen.push(name);
              cookie = next;
              return true;
            },
          });
          if (taken === 0) break;
          for (let i = 0; i < 3 && change < changes.length; i++) {
            const { name, remove } = changes[change++] as { name: number; remove: boolean };
            const there = root.lookup(`n${name}`);
            if (remove && there instanceof TmpfsFile) root.unlink(`n${name}`, there);
            else if (!remove && typeof there === 'number') root.create(`n${name}`, spec);
          }
        }
        const stayed = seen.filter((name) => name.startsWith('stay'));
        assert.deepEqual(
          stayed,
          Array.from({ length: 20 }, (_, i) => `stay${i}`),
        );
      },
    ),
    { numRuns: 100 },
  );
});

test('rmdir of a full directory answers ENOTEMPTY', () => {
  const fixture = new Fixture();
  fixture.mkdir('/a');
  fixture.mkdir('/a/b');
  const root = fixture.tmpfs.root;
  const a = root.lookup('a');
  assert.ok(typeof a === 'object');
  assert.equal(root.rmdir('a', a), -ENOTEMPTY);
});
