/**
 * Walks, renames, links and removals at random: the Vfs over tmpfs against a model in memory, and
 * against the machine's own tmpfs. A failure prints the seed and the shortest sequence.
 */

import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { ERRNO_NAMES } from '../../src/abi/errno.table.ts';
import { O_CREAT, O_RDWR } from '../../src/abi/file-flags.ts';
import { isDirectory, isSymlink } from '../../src/abi/file-mode.ts';
import { FIRST_COOKIE, type Inode } from '../../src/vfs/inode.ts';
import { linkAt, mkdirAt, readlinkAt, symlinkAt } from '../../src/vfs/names.ts';
import { OpenFile } from '../../src/vfs/open-file.ts';
import { Path } from '../../src/vfs/path.ts';
import { rmdirAt, unlinkAt } from '../../src/vfs/remove.ts';
import { renameAt } from '../../src/vfs/rename.ts';
import { Fixture } from '../../src/vfs/testing/fixture.ts';
import { WALK_FOLLOW, walk } from '../../src/vfs/walk.ts';
import { type Answer, type Executor, type Step, TreeModel } from './tree-model.ts';

/** Folders above the working directory: more than a path can climb. */
const DEPTH = 6;
const SHM = '/dev/shm';

class VfsTree implements Executor {
  readonly #fixture = new Fixture();

  constructor() {
    const { fs, vfs } = this.#fixture;
    let path = '';
    for (let i = 0; i < DEPTH; i++) {
      path += `/${i}`;
      this.#fixture.mkdir(path);
    }
    assert.equal(walk(vfs, this.#fixture, undefined, new Path(path), WALK_FOLLOW), 0);
    fs.cwd = vfs.walk.location;
  }

  run(step: Step): Answer {
    const { vfs } = this.#fixture;
    const who = this.#fixture;
    const path = new Path(step.path);
    const named = (result: number): Answer => (result < 0 ? String(ERRNO_NAMES[-result]) : 'ok');
    switch (step.op) {
      case 'mkdir':
        return named(mkdirAt(vfs, who, undefined, path, 0o755));
      case 'rmdir':
        return named(rmdirAt(vfs, who, undefined, path));
      case 'unlink':
        return named(unlinkAt(vfs, who, undefined, path));
      case 'create': {
        const file = this.#fixture.open(step.path, O_CREAT | O_RDWR);
        if (!(file instanceof OpenFile)) return named(file);
        file.release();
        return 'ok';
      }
      case 'stat': {
        const found = walk(vfs, who, undefined, path, WALK_FOLLOW);
        if (found < 0) return named(found);
        const { inode } = vfs.walk.dentry;
        return isDirectory(inode.mode) ? 'folder' : `file ${inode.nlink}`;
      }
      case 'readlink': {
        const target = readlinkAt(vfs, who, undefined, path);
        return typeof target === 'number' ? named(target) : target;
      }
      case 'symlink':
        return named(symlinkAt(vfs, who, path, undefined, new Path(step.to)));
      case 'link':
        return named(linkAt(vfs, who, undefined, path, undefined, new Path(step.to), false, false));
      default:
        return named(renameAt(vfs, who, undefined, path, undefined, new Path(step.to), 0));
    }
  }

  tree(): string[] {
    const all: string[] = [];
    const list = (folder: Inode, path: string): void => {
      folder.iterate(FIRST_COOKIE, {
        emit: (name) => {
          const inode = folder.lookup(name) as Inode;
          const { mode } = inode;
          const kind = isDirectory(mode) ? 'folder' : isSymlink(mode) ? 'link' : 'file';
          all.push(`${path}${name} ${kind}`);
          if (kind === 'folder') list(inode, `${path}${name}/`);
          return true;
        },
      });
    };
    list(this.#fixture.fs.cwd.dentry.inode, '');
    return all.sort();
  }
}

class MachineTree implements Executor, Disposable {
  readonly #top = mkdtempSync(`${SHM}/cloister-tree-`);
  readonly #cwd: string;

  constructor() {
    this.#cwd = [this.#top, ...Array.from({ length: DEPTH }, (_, i) => i)].join('/');
    mkdirSync(this.#cwd, { recursive: true });
  }

  run(step: Step): Answer {
    try {
      return this.#try(step);
    } catch (error) {
      return String((error as { code?: string }).code);
    }
  }

  #try(step: Step): Answer {
    const at = (path: string): string => `${this.#cwd}/${path}`;
    const path = at(step.path);
    if (step.op === 'mkdir') mkdirSync(path);
    else if (step.op === 'rmdir') rmdirSync(path);
    else if (step.op === 'unlink') unlinkSync(path);
    else if (step.op === 'create') closeSync(openSync(path, O_CREAT | O_RDWR));
    else if (step.op === 'stat') {
      const stat = statSync(path);
      return stat.isDirectory() ? 'folder' : `file ${stat.nlink}`;
    } else if (step.op === 'readlink') return readlinkSync(path);
    else if (step.op === 'symlink') symlinkSync(step.path, at(step.to));
    else if (step.op === 'link') linkSync(path, at(step.to));
    else if (step.op === 'rename') renameSync(path, at(step.to));
    return 'ok';
  }

  tree(): string[] {
    const all: string[] = [];
    const list = (path: string): void => {
      for (const name of readdirSync(`${this.#cwd}/${path}`)) {
        const stat = lstatSync(`${this.#cwd}/${path}${name}`);
        const kind = stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'file';
        all.push(`${path}${name} ${kind}`);
        if (kind === 'folder') list(`${path}${name}/`);
      }
    };
    list('');
    return all.sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.#top, { recursive: true });
  }
}

const name = fc.constantFrom('a', 'b', 'c');
/** At most two steps up: nobody leaves the folders above the working directory. */
const path = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'c', 'a', 'b', '.', '..'), { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '', '', '/'),
  )
  .filter(([parts]) => parts.filter((part) => part === '..').length <= 2)
  .map(([parts, slash]) => parts.join('/') + slash);
/** Links lead down only. */
const target = fc
  .tuple(
    fc.array(fc.oneof(name, fc.constant('.')), { minLength: 1, maxLength: 2 }),
    fc.constantFrom('', '', '/'),
  )
  .map(([parts, slash]) => parts.join('/') + slash);

const ONE = ['mkdir', 'mkdir', 'create', 'create', 'rmdir', 'unlink', 'stat', 'readlink'] as const;
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constantFrom(...ONE), path }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom('rename' as const, 'link' as const),
      path,
      to: path,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('symlink' as const), path: target, to: path }),
  },
);
const steps = fc.array(step, { minLength: 5, maxLength: 60 });

function compare(all: readonly Step[], one: Executor, other: Executor): void {
  for (const [i, each] of all.entries())
    assert.equal(one.run(each), other.run(each), `step ${i}: ${JSON.stringify(each)}`);
  assert.deepEqual(one.tree(), other.tree());
}

test('names in the Vfs behave as the model says', () => {
  fc.assert(
    fc.property(steps, (all) => compare(all, new VfsTree(), new TreeModel(DEPTH))),
    { seed: 20_261_127, numRuns: 400 },
  );
});

test('names in the Vfs behave as those of the machine', {
  skip: existsSync(SHM) ? false : `no ${SHM}`,
}, () => {
  fc.assert(
    fc.property(steps, (all) => {
      using machine = new MachineTree();
      compare(all, new VfsTree(), machine);
    }),
    { seed: 1127, numRuns: 150 },
  );
});

test('the comparison finds a model that forgets links (canary)', () => {
  const forgetful = new TreeModel(DEPTH);
  const run = forgetful.run.bind(forgetful);
  forgetful.run = (each) => (each.op === 'link' ? 'ok' : run(each));
  assert.throws(() =>
    compare(
      [
        { op: 'create', path: 'a' },
        { op: 'link', path: 'a', to: 'b' },
        { op: 'stat', path: 'b' },
      ],
      new VfsTree(),
      forgetful,
    ),
  );
});
