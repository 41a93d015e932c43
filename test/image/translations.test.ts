/**
 * Translations made when an image is built: deterministic, part of the measurement, used by a run,
 * and worth no more than time when they are damaged. And those that runs of this machine leave.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TranslationFile } from '../../src/cpu/cache/translation-file.ts';
import { zstd } from '../../src/host/compression.ts';
import { nodeCrypto } from '../../src/host/crypto.ts';
import { NodeImageSource } from '../../src/host/image-files.ts';
import { openImage, openTranslations } from '../../src/image/open.ts';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';
import { compile } from '../support/toolchain.ts';

const scratch = mkdtempSync(join(tmpdir(), 'cloister-translations-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const HOME = join(scratch, 'home');
const PROGRAM = `
#include <stdio.h>
static int pick(int n) {
  switch (n) { case 0: return 7; case 1: return 3; case 2: return 9; case 3: return 1;
               case 4: return 8; case 5: return 2; default: return n; }
}
int main(int argc, char **argv) {
  int sum = 0;
  for (int n = 0; n < 8; n++) sum = sum * 3 + pick(n + argc - 1);
  printf("sum %d\\n", sum);
  return 0;
}`;

const picker = compile([sourceFile()], ['-O2', '-static'], { libc: 'musl' });
/** What the processor says. */
const EXPECTED = spawnSync(picker, { encoding: 'utf8' }).stdout;

function sourceFile(): string {
  const path = join(scratch, 'picker.c');
  writeFileSync(path, PROGRAM);
  return path;
}

function cloister(args: readonly string[], cwd: string, home = HOME) {
  const env = { ...process.env, CLOISTER_HOME: home };
  const { status, stdout, stderr } = spawnSync(CLOISTER, args, { cwd, env, encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}

/** A project with one static program. */
function project(name: string, extra = ''): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  copyFileSync(picker, join(folder, 'picker'));
  const files = 'files: {copy: [{from: picker, to: /picker, mode: "0755"}]}';
  writeFileSync(
    join(folder, 'cloister.yaml'),
    `name: picker\ncommand: [/picker]\n${files}\n${extra}`,
  );
  return folder;
}

const aboutImage = (folder: string) =>
  JSON.parse(cloister(['inspect', 'image', '--json'], folder).out);

test('two builds give the same image with the same translations; off, there are none', {
  skip: NO_GUESTS,
}, () => {
  const one = project('one');
  const other = project('other');
  const without = project('without', 'translations: false\n');
  for (const folder of [one, other, without]) {
    const built = cloister(['build', '--json'], folder);
    assert.equal(built.status, 0, built.err);
    const { moduleCount } = JSON.parse(built.out).translations;
    assert.equal(moduleCount, folder === without ? 0 : 1);
  }
  assert.deepEqual(aboutImage(one), aboutImage(other));
  assert.ok(aboutImage(one).translations.layerBytes > 1000);
  assert.equal(aboutImage(without).translations, undefined);
  assert.notEqual(aboutImage(without).measurement, aboutImage(one).measurement);
  const blob = (folder: string) =>
    readFileSync(
      join(folder, 'image/blobs/sha256', aboutImage(folder).translations.digest.slice(7)),
    );
  assert.deepEqual(blob(one), blob(other));
});

test('the layer holds the program, and a run of the image works with it and without', {
  skip: NO_GUESTS,
}, () => {
  const folder = join(scratch, 'one');
  using source = new NodeImageSource(join(folder, 'image'));
  const image = openImage(source, {}, nodeCrypto);
  const layer = openTranslations(image, nodeCrypto, zstd, assert.fail);
  assert.ok(layer);
  const [module] = layer.list();
  assert.ok(module);
  const file = TranslationFile.open(layer.find(module.digest) ?? assert.fail());
  assert.ok(typeof file === 'object' && file.size > 50);
  assert.equal(layer.find('00'.repeat(32)), undefined);
  for (const where of ['one', 'without']) {
    const run = cloister(['run'], join(scratch, where));
    assert.deepEqual(run, { status: 0, out: EXPECTED, err: '' });
  }
});

test('a damaged layer is said once and ignored by a run, and refused by verify', {
  skip: NO_GUESTS,
}, () => {
  const folder = join(scratch, 'other');
  assert.equal(cloister(['verify', 'image'], folder).status, 0);
  const { digest } = aboutImage(folder).translations;
  const path = join(folder, 'image/blobs/sha256', digest.slice(7));
  const good = readFileSync(path);
  for (const at of [20, good.length >> 1]) {
    const bad = Buffer.from(good);
    bad[at]! ^= 1;
    writeFileSync(path, bad);
    const run = cloister(['run'], folder);
    assert.deepEqual([run.status, run.out], [0, EXPECTED]);
    assert.match(run.err, /^cloister: translations are ignored and made anew: [^\n]*\n$/);
    assert.notEqual(cloister(['verify', 'image'], folder).status, 0);
  }
  writeFileSync(path, good);
  assert.equal(cloister(['run'], folder).err, '');
});

test('a run leaves its translations; damaged ones are said once, and made anew', {
  skip: NO_GUESTS,
}, () => {
  const folder = join(scratch, 'one');
  const run = () =>
    cloister(['run', '-v', `${folder}:/w`, '--', '/w/picker'], scratch, join(scratch, 'learned'));
  assert.deepEqual(run(), { status: 0, out: EXPECTED, err: '' });
  const kept = join(scratch, 'learned/translations');
  assert.ok(existsSync(kept));
  const names = readdirSync(kept).filter((name) => name !== 'key');
  assert.equal(names.length, 1);
  const path = join(kept, names[0]!);
  const before = statSync(path).mtimeMs;
  assert.deepEqual(run(), { status: 0, out: EXPECTED, err: '' });
  assert.equal(statSync(path).mtimeMs, before, 'nothing new, nothing written');
  const bytes = readFileSync(path);
  bytes[100]! ^= 4;
  writeFileSync(path, bytes);
  const damaged = run();
  assert.deepEqual([damaged.status, damaged.out], [0, EXPECTED]);
  assert.match(damaged.err, /^cloister: translations of host:[^\n]* it is not authentic\n$/);
  assert.deepEqual(run(), { status: 0, out: EXPECTED, err: '' });
});
