import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENOMEM } from '../abi/errno.table.ts';
import { MADV } from '../abi/mman.ts';
import type { GuestAddressSpace } from './guest-address-space.ts';
import type { MappedFile } from './mapped-file.ts';
import type { PageHost } from './page-host.ts';
import { createAddressSpaces } from './space-context.ts';
import { fork, testSpaces } from './testing/spaces.ts';

const PAGE = 4096;
const RW = 3;
const CODE = 0x40_0000;
const DATA = CODE + 2 * PAGE;
const ZEROS = DATA + PAGE;
const LARGE = 0x50_0000;
const { host, create } = testSpaces();

interface CountedFile extends MappedFile {
  references: number;
}

/** Three pages, the letters a to c in each of them; `openings` of it have one segment. */
function openings(key: string | undefined): { open(): CountedFile; replacePages(): void } {
  const make = () => {
    const made = host.createSegment('template-test', 3 * PAGE);
    assert.ok(typeof made === 'object');
    for (let n = 0; n < 3; n++) made.write(n * PAGE, new Uint8Array(PAGE).fill(97 + n));
    return made;
  };
  let segment = make();
  return {
    replacePages: () => {
      segment = make();
    },
    open: () => ({
      references: 0,
      path: new Uint8Array(0),
      deviceMajor: 1,
      deviceMinor: 2,
      inode: 3,
      contentKey: key,
      size: () => 3 * PAGE,
      pages: (offset) => ({ segment, offset }),
      readAt: () => 0,
      addReference() {
        this.references++;
      },
      dropReference() {
        this.references--;
      },
      noteSharedWrite: () => undefined,
      sync: () => 0,
    }),
  };
}

/** As a program: code, data, small zeros, zeros that are memory of its own. */
function load(space: GuestAddressSpace, file: MappedFile): void {
  const shown = { file, fixed: true, populate: true } as const;
  space.map({ ...shown, addr: CODE, length: PAGE, prot: 5 });
  space.map({ ...shown, addr: CODE + PAGE, length: PAGE, prot: 1, fileOffset: PAGE });
  space.map({ ...shown, addr: DATA, length: PAGE, prot: RW, fileOffset: 2 * PAGE });
  space.map({ addr: ZEROS, length: PAGE, prot: RW, fixed: true });
  space.map({ addr: LARGE, length: 0x10_0000, prot: RW, fixed: true });
}

const areasOf = (space: GuestAddressSpace) =>
  [...space.areas()].map(({ start, end, prot, fileOffset }) => ({ start, end, prot, fileOffset }));

test('a space shows what the one had that the template is of, and nothing that was written since', () => {
  const { open } = openings('template-key');
  const file = open();
  using first = create();
  load(first, file);
  const template = first.template([file]);
  assert.ok(template !== undefined);
  for (const addr of [DATA, ZEROS, LARGE]) first.writeU8(addr, 1);
  for (let n = 0; n < 2; n++) {
    const again = open();
    {
      using space = create();
      assert.equal(space.show(template, [again]), true);
      assert.deepEqual(areasOf(space), areasOf(first));
      assert.equal(space.mappedPages, first.mappedPages);
      assert.equal(space.chargedBytes(), first.chargedBytes());
      assert.deepEqual(
        [CODE, CODE + PAGE, DATA, ZEROS, LARGE].map((addr) => space.readU8(addr)),
        [97, 98, 99, 0, 0],
      );
      assert.equal(space.writeU8(CODE, 1) < 0, true, 'code stays closed for writing');
      for (const addr of [DATA, ZEROS, LARGE]) assert.equal(space.writeU8(addr, 2), 0);
      assert.equal(space.areaAt(CODE)?.file, again);
      assert.equal(again.references, 3);
      const child = space.fork();
      assert.ok(typeof child === 'object');
      space.writeU8(LARGE, 3);
      assert.equal(child.readU8(LARGE), 2);
      child[Symbol.dispose]();
    }
    assert.equal(again.references, 0);
  }
  assert.equal(first.readU8(LARGE), 1);
});

test('a template is refused, and the space stays empty, where limits or other pages stand against it', () => {
  const { open, replacePages } = openings('template-key-2');
  using first = create();
  const file = open();
  load(first, file);
  const template = first.template([file]);
  assert.ok(template !== undefined);
  using limited = create();
  limited.limitAddressSpace = 2 ** 30;
  assert.equal(limited.show(template, [open()]), false);
  replacePages();
  using other = create();
  assert.equal(other.show(template, [open()]), false, 'the file has its pages elsewhere');
  for (const space of [limited, other]) assert.deepEqual(areasOf(space), []);
  load(other, open());
  assert.deepEqual(areasOf(other), areasOf(first));
});

test('where the host has no room for all of it, the space is as empty as before', () => {
  const { open } = openings('template-key-3');
  const file = open();
  const first = create();
  load(first, file);
  const template = first.template([file]);
  assert.ok(template !== undefined);
  const { base } = first.pages;
  first[Symbol.dispose]();
  const pages = host.createSandbox(template.readOnly);
  assert.ok(typeof pages === 'object' && pages.base === base, 'where its code still is');
  pages.mapAnonymous = () => ENOMEM;
  const full = Object.assign(Object.create(host) as PageHost, { createSandbox: () => pages });
  const space = createAddressSpaces(full, undefined).create();
  assert.ok(typeof space === 'object');
  const again = open();
  assert.equal(space.show(template, [again]), false);
  assert.deepEqual([...space.areas()], []);
  assert.equal(again.references, 0);
  for (const addr of [CODE, CODE + PAGE, DATA])
    assert.equal(pages.copyIn(addr, new Uint8Array(1)), 0, `0x${addr.toString(16)}`);
  space[Symbol.dispose]();
});

test('a child does not have what its parent keeps for itself, be it still there of another child', () => {
  const { open } = openings('template-key-4');
  using parent = create();
  load(parent, open());
  const before = fork(parent);
  const { base } = before.pages;
  assert.deepEqual(
    [CODE, CODE + PAGE].map((addr) => before.readU8(addr)),
    [97, 98],
  );
  before[Symbol.dispose]();
  parent.advise(CODE, PAGE, MADV.MADV_DONTFORK);
  using child = fork(parent);
  assert.equal(child.pages.base, base);
  assert.deepEqual(
    [CODE, CODE + PAGE].map((addr) => child.readU8(addr)),
    [undefined, 98],
  );
  assert.equal(child.pages.copyIn(CODE, new Uint8Array(1)), 0);
});

test('there is no template of files that may change and nobody looks at, and of what others share', () => {
  using changing = create();
  const file = openings(undefined).open();
  load(changing, file);
  assert.equal(changing.template([]), undefined);
  assert.ok(changing.template([file]) !== undefined, 'the caller says whether it changed');
  using shared = create();
  shared.map({ addr: CODE, length: PAGE, prot: RW, shared: true, fixed: true });
  assert.equal(shared.template([]), undefined);
});
