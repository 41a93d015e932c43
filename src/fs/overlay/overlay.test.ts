import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { O_CREAT, O_RDONLY, O_RDWR, RENAME_EXCHANGE } from '../../abi/file-flags.ts';
import { isDirectory, isSymlink } from '../../abi/file-mode.ts';
import type { Caller } from '../../vfs/caller.ts';
import { ROOT_CREDENTIALS } from '../../vfs/credentials.ts';
import { FixedFileClock } from '../../vfs/file-clock.ts';
import type { FileSystem } from '../../vfs/file-system.ts';
import { FsContext } from '../../vfs/fs-context.ts';
import type { Inode } from '../../vfs/inode.ts';
import { linkAt, mkdirAt, symlinkAt } from '../../vfs/names.ts';
import { openAt } from '../../vfs/open.ts';
import { Path } from '../../vfs/path.ts';
import { rmdirAt, unlinkAt } from '../../vfs/remove.ts';
import { renameAt } from '../../vfs/rename.ts';
import { Vfs } from '../../vfs/vfs.ts';
import { Tmpfs } from '../tmpfs/tmpfs.ts';
import { Overlay } from './overlay.ts';

const clock = new FixedFileClock();
const NAMES = ['a', 'b', 'c'];

class Tree implements Caller {
  readonly vfs: Vfs;
  readonly fs: FsContext;
  readonly creds = ROOT_CREDENTIALS;

  constructor(root: FileSystem) {
    this.vfs = new Vfs(clock, root);
    this.fs = new FsContext(this.vfs.root, this.vfs.root);
  }

  run(step: Step): number {
    const { vfs } = this;
    const path = new Path(step.path);
    const other = new Path(step.other);
    switch (step.kind) {
      case 'mkdir':
        return mkdirAt(vfs, this, undefined, path, 0o755);
      case 'rmdir':
        return rmdirAt(vfs, this, undefined, path);
      case 'unlink':
        return unlinkAt(vfs, this, undefined, path);
      case 'symlink':
        return symlinkAt(vfs, this, other, undefined, path);
      case 'link':
        return linkAt(vfs, this, undefined, path, undefined, other, false, false);
      case 'rename':
        return renameAt(vfs, this, undefined, path, undefined, other, 0);
      case 'exchange':
        return renameAt(vfs, this, undefined, path, undefined, other, RENAME_EXCHANGE);
      default:
        return this.write(path, step.kind === 'create', step.text);
    }
  }

  write(path: Path, mayCreate: boolean, text: string): number {
    const flags = mayCreate ? O_CREAT | O_RDWR : O_RDWR;
    const file = openAt(this.vfs, this, undefined, path, flags, 0o644);
    if (typeof file === 'number') return file;
    const result = file.write(new TextEncoder().encode(text), 0, text.length);
    file.release();
    return result;
  }

  /** Everything that can be seen, as text. */
  show(): string {
    const lines: string[] = [];
    const visit = (inode: Inode, path: string): void => {
      inode.refresh();
      const { mode, nlink, size } = inode;
      if (isDirectory(mode)) {
        lines.push(`${path}/ ${mode.toString(8)}`);
        const names: string[] = [];
        inode.iterate(2, { emit: (name) => names.push(name) > 0 });
        for (const name of names.sort()) {
          const child = inode.lookup(name);
          assert.ok(typeof child === 'object', `${path}/${name} is listed: ${child}`);
          visit(child, `${path}/${name}`);
        }
      } else if (isSymlink(mode)) lines.push(`${path} -> ${inode.readlink()}`);
      else {
        const bytes = new Uint8Array(size);
        inode.readAt(0, bytes, 0, size);
        lines.push(`${path} ${mode.toString(8)} ${nlink} ${new TextDecoder().decode(bytes)}`);
      }
    };
    visit(this.vfs.root.dentry.inode, '');
    return lines.join('\n');
  }
}

const KINDS = [
  ...['mkdir', 'rmdir', 'unlink', 'symlink', 'link', 'rename', 'exchange', 'create', 'write'],
] as const;
interface Step {
  readonly kind: string;
  readonly path: string;
  readonly other: string;
  readonly text: string;
}
const path = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  path,
  other: path,
  text: fc.constantFrom('x', 'yy', 'zzz'),
});

test('an overlay behaves like one plain tree, and its lower layer never changes', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 25 }),
      fc.array(step, { maxLength: 40 }),
      (before, after) => {
        const plain = new Tree(new Tmpfs(clock, undefined, { mode: 0o755 }));
        const lowerFs = new Tmpfs(clock, undefined, { mode: 0o755 });
        const lower = new Tree(lowerFs);
        for (const s of before) assert.equal(lower.run(s), plain.run(s));
        const below = lower.show();
        const upper = new Tmpfs(clock, undefined, { mode: 0o755 });
        const overlay = new Tree(new Overlay(clock, lowerFs, upper));
        assert.equal(overlay.show(), plain.show());
        for (const s of after) {
          const expected = plain.run(s);
          assert.equal(overlay.run(s), expected, JSON.stringify(s));
          assert.equal(overlay.show(), plain.show(), JSON.stringify(s));
        }
        assert.equal(lower.show(), below);
        // The same layers, opened again, show the same; only links of the lower layer come apart
        // when one of them was copied up, as Linux's overlay warns.
        if (before.some(({ kind }) => kind === 'link')) return;
        const again = new Tree(new Overlay(clock, lowerFs, upper));
        const strip = (text: string) => text.replace(/^(.* 100644) \d+/gm, '$1');
        assert.equal(strip(again.show()), strip(plain.show()));
      },
    ),
    { numRuns: 300 },
  );
});

test('a file that is open for reading shows what is written through another name', () => {
  const lowerFs = new Tmpfs(clock, undefined, { mode: 0o755 });
  new Tree(lowerFs).write(new Path('/f'), true, 'old');
  const tree = new Tree(new Overlay(clock, lowerFs, new Tmpfs(clock, undefined)));
  const reader = openAt(tree.vfs, tree, undefined, new Path('/f'), O_RDONLY, 0);
  assert.ok(typeof reader === 'object');
  tree.write(new Path('/f'), false, 'new');
  const bytes = new Uint8Array(3);
  assert.equal(reader.read(bytes, 0, 3), 3);
  assert.equal(new TextDecoder().decode(bytes), 'new');
  assert.equal(unlinkAt(tree.vfs, tree, undefined, new Path('/f')), 0);
  assert.equal(reader.readAt(0, bytes, 0, 3), 3);
  reader.release();
});
