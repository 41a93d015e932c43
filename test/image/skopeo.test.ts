/** Other tools must be able to read and copy our images: Debian's skopeo is the judge. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeCrypto } from '../../src/host/crypto.ts';
import { NodeImageOutput, NodeImageSource, nodeHostFiles } from '../../src/host/image-files.ts';
import { buildImage } from '../../src/image/build.ts';
import { parseConfig } from '../../src/image/config-parse.ts';
import { openImage } from '../../src/image/open.ts';
import { verifyImage } from '../../src/image/verify.ts';
import { onPath, PackageUnavailable, packageRoot } from '../support/packages.ts';

/** The machine's own, else unpacked: without the tools for networks and keys, which are 700 MB. */
function placed() {
  const installed = onPath('skopeo');
  if (installed !== undefined) return { path: installed, env: {} };
  const root = packageRoot(['skopeo'], 'libraries');
  const folders = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'];
  const libraries = folders.map((folder) => join(root, folder)).join(':');
  return { path: join(root, 'usr/bin/skopeo'), env: { LD_LIBRARY_PATH: libraries } };
}

function missing(): string | false {
  try {
    placed();
    return false;
  } catch (error) {
    if (error instanceof PackageUnavailable) return `no skopeo: ${error.message}`;
    throw error;
  }
}

const skopeo = (...words: string[]) => {
  // The machine's own policy for copies may not be there, where skopeo was unpacked only.
  const args = ['--insecure-policy', ...words];
  const { path, env } = placed();
  const run = spawnSync(path, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  assert.equal(run.status, 0, run.error?.message ?? run.stderr);
  return run.stdout;
};

test('skopeo inspects an image, and a copy that it made verifies', { skip: missing() }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cloister-skopeo-'));
  try {
    writeFileSync(join(scratch, 'program'), '#!/bin/sh\necho hello\n', { mode: 0o755 });
    const yaml =
      'name: sample\ncommand: [/program]\nfiles: {copy: [{from: program, to: /program}]}';
    const image = join(scratch, 'image');
    const output = new NodeImageOutput(image);
    const { measurement } = buildImage({
      config: parseConfig(yaml, 'cloister.yaml'),
      baseDir: scratch,
      host: nodeHostFiles,
      output,
      crypto: nodeCrypto,
    });
    output.commit();
    assert.equal(JSON.parse(skopeo('inspect', `oci:${image}`)).Digest, measurement);
    const copy = join(scratch, 'copy');
    skopeo('copy', '-q', `oci:${image}`, `oci:${copy}`);
    using source = new NodeImageSource(copy);
    assert.equal(verifyImage(openImage(source, { measurement }, nodeCrypto)).fileCount, 5);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
