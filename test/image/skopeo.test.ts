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

const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;
const skip = hasSkopeo ? false : 'skopeo is not installed (apt-get install skopeo)';

test('skopeo inspects an image, and a copy that it made verifies', { skip }, () => {
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
    const shown = spawnSync('skopeo', ['inspect', `oci:${image}`], { encoding: 'utf8' });
    assert.equal(shown.status, 0, shown.stderr);
    assert.equal(JSON.parse(shown.stdout).Digest, measurement);
    const copy = join(scratch, 'copy');
    const copied = spawnSync('skopeo', ['copy', '-q', `oci:${image}`, `oci:${copy}`], {
      encoding: 'utf8',
    });
    assert.equal(copied.status, 0, copied.stderr);
    using source = new NodeImageSource(copy);
    assert.equal(verifyImage(openImage(source, { measurement }, nodeCrypto)).fileCount, 5);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
