/**
 * What is wrong is said in one line that names it, with the status that belongs to it, and never
 * with a stack: a row each. Damage of programs and images is a seeded sample.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '../../src/base/random.ts';
import { NO_GUESTS } from '../guests/harness.ts';
import { compile } from '../support/toolchain.ts';
import { assertNoStack, cloister, Folder, run } from './command.ts';

const folder = new Folder();
const { path: dir } = folder;
const SOURCE = fileURLToPath(new URL('bad-input.c', import.meta.url));
const NODE = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const random = new SeededRandom(20_261_127);

function patched(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
}

const put = (name: string, content: Uint8Array | string, mode = 0o755): void =>
  writeFileSync(join(dir, name), content, { mode });

const YAML = `name: tiny
command: [/bin/guest, forks]
files:
  copy:
    - { from: guest, to: /bin/guest }
limits: { memory: 64MiB, processes: 8 }
`;

before(async () => {
  if (NO_GUESTS) return;
  const guest = compile([SOURCE], ['-O0', '-w', '-static']);
  const dynamic = readFileSync(compile([SOURCE], ['-O0', '-w', '-DDYNAMIC']));
  const bytes = readFileSync(guest);
  copyFileSync(guest, join(dir, 'guest'));
  put('short-header', bytes.subarray(0, 40));
  put('short-segments', bytes.subarray(0, 3000));
  put('arm', patched(bytes, 18, [0xb7, 0]));
  put('bits-32', patched(bytes, 4, [1]));
  put('text', 'neither\n');
  put('script', '#!/no/such/shell\n');
  put('not-executable', bytes, 0o644);
  const loader = dynamic.indexOf('/lib64/ld-linux-x86-64.so.2\0');
  put('no-loader', patched(dynamic, loader + 26, [0x39]));
  const libc = dynamic.indexOf('libc.so.6\0');
  put('no-library', patched(dynamic, libc + 8, [0x39]));
  put('key-31-bytes', new Uint8Array(31));
  for (const project of ['tiny', 'unbuilt', 'bad-yaml', 'bad-key']) mkdirSync(join(dir, project));
  copyFileSync(guest, join(dir, 'tiny/guest'));
  put('tiny/cloister.yaml', YAML);
  put('unbuilt/cloister.yaml', YAML);
  put('bad-yaml/cloister.yaml', 'name: tiny\ncommand: [/bin/guest\nfiles: {}\n');
  put('bad-key/cloister.yaml', YAML.replace('limits:', 'limitz:'));
  mkdirSync(join(dir, 'home'));
  const built = await cloister(['build', 'tiny'], {
    cwd: dir,
    env: { CLOISTER_HOME: `${dir}/home` },
  });
  assert.equal(built.status, 0, built.stderr);
});

after(() => folder[Symbol.dispose]());

interface Row {
  readonly args: readonly string[];
  readonly status: number;
  /** All of standard error; for text that is not ours a pattern. */
  readonly says: string | RegExp;
  readonly prints?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const MOUNTED = ['-v', `${dir}:/w`, '-w', '/w'];
const guest = (name: string, ...args: string[]) => ['run', ...MOUNTED, '--', `./${name}`, ...args];
const TINY = join(dir, 'tiny/image');

const ROWS: Readonly<Record<string, Row>> = {
  // programs
  'a truncated ELF header': {
    args: guest('short-header'),
    status: 126,
    says: 'cloister: ./short-header is truncated: 40 bytes, an ELF header has 64\n',
  },
  'a truncated segment': {
    args: guest('short-segments'),
    status: 126,
    says: /^cloister: \.\/short-segments is truncated: segment \d ends at byte \d+ of 3000\n$/,
  },
  'another machine': {
    args: guest('arm'),
    status: 126,
    says: 'cloister: ./arm is for another machine (AArch64), not x86-64\n',
  },
  'a 32-bit program': {
    args: guest('bits-32'),
    status: 126,
    says: 'cloister: ./bits-32 is a 32-bit program; only 64-bit programs run\n',
  },
  'a file of text': {
    args: guest('text'),
    status: 126,
    says: 'cloister: ./text is neither an ELF program nor a script\n',
  },
  'no permission to execute': {
    args: guest('not-executable'),
    status: 126,
    says: 'cloister: ./not-executable may not be executed (permission)\n',
  },
  'a folder as program': {
    args: guest('home'),
    status: 126,
    says: 'cloister: ./home is not a regular file\n',
  },
  'a missing program': {
    args: guest('absent'),
    status: 127,
    says: 'cloister: ./absent: No such file or directory\n',
  },
  'a missing command': {
    args: ['run', 'no-such-command'],
    status: 127,
    says: 'cloister: no-such-command: No such file or directory\n',
  },
  'a missing interpreter of a script': {
    args: guest('script'),
    status: 127,
    says: 'cloister: interpreter of ./script: /no/such/shell: No such file or directory\n',
  },
  'a missing loader': {
    args: guest('no-loader'),
    status: 127,
    says: 'cloister: ./no-loader needs the interpreter /lib64/ld-linux-x86-64.so.9, which does not exist\n',
  },
  'a missing library': {
    args: guest('no-library'),
    status: 127,
    says: /^\.\/no-library: error while loading shared libraries: libc\.so\.9: cannot open/,
  },
  // limits of guests
  'a read of address 0': { args: guest('guest', 'null'), status: 139, says: '' },
  'a stack without end': { args: guest('guest', 'stack'), status: 139, says: '' },
  'no memory left': {
    args: ['run', '--memory', '64m', ...MOUNTED, '--', './guest', 'memory'],
    status: 0,
    says: '',
    prints: 'Cannot allocate memory, some memory came: 1\n',
  },
  'a full tmpfs': {
    args: ['run', '--tmpfs', '/scratch:size=1m', ...MOUNTED, '--', './guest', 'full'],
    status: 0,
    says: '',
    prints: 'No space left on device after 1048576\n',
  },
  'forks without end': {
    args: ['run', '--image', TINY],
    status: 0,
    says: '',
    prints: 'Resource temporarily unavailable after 7\n',
  },
  // the command line
  'an unknown command': {
    args: ['inspekt'],
    status: 2,
    says: "error: unknown command 'inspekt'\n(Did you mean inspect?)\n(add --help for usage)\n",
  },
  'an unknown option': {
    args: ['run', '--memroy', '1g', 'true'],
    status: 125,
    says: "error: unknown option '--memroy'\n(Did you mean --memory?)\n(add --help for usage)\n",
  },
  'an option of Docker': {
    args: ['run', '-d', 'true'],
    status: 125,
    says: 'cloister: --detach: cloister run does not have it; cloister start runs a program in the background\n',
  },
  'another option of Docker': {
    args: ['run', '--cap-add', 'ALL', 'true'],
    status: 125,
    says: 'cloister: --cap-add: cloister run does not have it; guests have no access to the host that could be widened\n',
  },
  '-v without a guest path': {
    args: ['run', '-v', 'x', 'true'],
    status: 125,
    says: 'cloister: -v x: expected HOST:GUEST or HOST:GUEST:ro\n',
  },
  '-v with another mode': {
    args: ['run', '-v', '/a:/b:rx', 'true'],
    status: 125,
    says: 'cloister: -v /a:/b:rx: the mode is ro or rw, not "rx"\n',
  },
  '-v of a missing folder': {
    args: ['run', '-v', '/no/such/folder:/x', 'true'],
    status: 125,
    says: 'cloister: -v /no/such/folder: no such folder on this host (none is made there)\n',
  },
  '-e without a name': {
    args: ['run', '-e', '=x', 'true'],
    status: 125,
    says: 'cloister: -e =x: expected NAME or NAME=VALUE\n',
  },
  '--env-file that is missing': {
    args: ['run', '--env-file', 'absent', 'true'],
    status: 125,
    says: "cloister: --env-file absent: ENOENT: no such file or directory, open 'absent'\n",
  },
  '-u with a name': {
    args: ['run', '-u', 'bob', 'true'],
    status: 125,
    says: 'cloister: -u bob: expected UID or UID:GID as numbers\n',
  },
  '-w that is relative': {
    args: ['run', '-w', 'x/y', 'true'],
    status: 125,
    says: 'cloister: -w x/y: the working directory must be absolute\n',
  },
  '-w that is a file': {
    args: ['run', '-w', '/etc/passwd', 'true'],
    status: 126,
    says: 'cloister: working directory /etc/passwd cannot be entered\n',
  },
  '--memory without a number': {
    args: ['run', '--memory', 'lots', 'true'],
    status: 125,
    says: 'cloister: --memory lots: expected a size such as 512m or 2g\n',
  },
  '--memory that is too little': {
    args: ['run', '--memory', '1', '/bin/true'],
    status: 126,
    says: 'cloister: /bin/true: out of memory\n',
  },
  '--network that is unknown': {
    args: ['run', '--network', 'bridge', 'true'],
    status: 125,
    says: 'cloister: --network bridge: none or host\n',
  },
  '--tmpfs with an unknown option': {
    args: ['run', '--tmpfs', '/x:uid=1', 'true'],
    status: 125,
    says: 'cloister: --tmpfs /x:uid=1: size=BYTES and mode=OCTAL are known, not uid=1\n',
  },
  '--hostname with a space': {
    args: ['run', '--hostname', 'a b', 'true'],
    status: 125,
    says: 'cloister: --hostname a b: letters, digits, hyphens and dots, at most 64\n',
  },
  '-t without a terminal': {
    args: ['run', '-it', 'true'],
    status: 125,
    says: 'cloister: -t: the input device is not a TTY\n',
  },
  '--rootfs that is missing': {
    args: ['run', '--rootfs', '/no/such/root', 'true'],
    status: 125,
    says: 'cloister: --rootfs /no/such/root: no such folder on this host (none is made there)\n',
  },
  'no program': {
    args: ['run'],
    status: 125,
    says: 'cloister: no program given, and no image here: cloister run -- PROGRAM, or `cloister build` first\n',
  },
  'pins without an image': {
    args: ['run', '--measurement', `sha256:${'0'.repeat(64)}`, 'true'],
    status: 125,
    says: 'cloister: --signer, --measurement and --image-key: only an image has them, this is none\n',
  },
  // projects and images
  'a project that is not built': {
    args: ['run'],
    cwd: 'unbuilt',
    status: 125,
    says: 'cloister: this project has no image: run `cloister build` first\n',
  },
  'a folder that is no project': {
    args: ['build', 'home'],
    status: 2,
    says: 'cloister: home/cloister.yaml does not exist: `cloister new NAME` makes one\n',
  },
  'bad YAML': {
    args: ['build', 'bad-yaml'],
    status: 2,
    says: /^cloister: bad-yaml\/cloister\.yaml:3:\d+: not YAML: /,
  },
  'an unknown key': {
    args: ['build', 'bad-key'],
    status: 2,
    says: 'cloister: bad-key/cloister.yaml:6:1: unknown key `limitz` in the top level; did you mean `limits`?\n',
  },
  'a program that is not among the entry points': {
    args: ['run', '--image', TINY, '/bin/other'],
    status: 125,
    says: 'cloister: tiny: program /bin/other (not among its entry points) is not permitted by the image; `overrides: { program: true }` in its cloister.yaml would permit it (and change its measurement)\n',
  },
  'a host name that the image does not permit': {
    args: ['run', '--image', TINY, '--hostname', 'x'],
    status: 125,
    says: 'cloister: tiny: another host name (--hostname) is not permitted by the image; `overrides: { environment: true }` in its cloister.yaml would permit it (and change its measurement)\n',
  },
  'no image there': {
    args: ['inspect', 'home'],
    status: 1,
    says: /^cloister: not an image: index\.json cannot be read .*Give the folder that `cloister build` wrote\n$/,
  },
  'disasm of what is no program': {
    args: ['disasm', 'text'],
    status: 2,
    says: 'cloister: text is not an ELF file\n',
  },
  'disasm of a function that is not there': {
    args: ['disasm', '--image', TINY, '/bin/guest', 'no_such_function'],
    status: 2,
    says: 'cloister: no_such_function: no function of that name; --list shows all functions\n',
  },
  'a key that is too short': {
    args: ['build', 'tiny', '--encrypt-key', 'key-31-bytes'],
    status: 4,
    says: /^cloister: .*key-31-bytes.*32/,
  },
  'a state folder that cannot be written': {
    args: ['build', 'tiny', '-o', 'elsewhere'],
    env: { CLOISTER_HOME: '/proc/none' },
    status: 1,
    says: /^cloister: the developer key cannot be kept: .*Set CLOISTER_HOME to a folder that you may write, or give --key FILE\n$/,
  },
};

describe('bad input', { skip: NO_GUESTS, concurrency: 2 }, () => {
  for (const [name, row] of Object.entries(ROWS))
    test(name, async () => {
      const { status, says, prints = '' } = row;
      const found = await cloister(row.args, { cwd: join(dir, row.cwd ?? ''), env: row.env ?? {} });
      assertNoStack(found, name);
      if (typeof says === 'string') assert.equal(found.stderr, says);
      else assert.match(found.stderr, says);
      assert.equal(found.stdout, prints);
      assert.equal(found.status, status);
    });

  test('a state folder that cannot be written does not stop a run', async () => {
    const env = { CLOISTER_HOME: '/proc/none' };
    const found = await cloister(['run', '/bin/echo', 'hello'], { cwd: dir, env });
    assert.deepEqual(found, { status: 0, stdout: 'hello\n', stderr: '' });
  });

  test('a Node.js without node:ffi', async () => {
    const args = [
      '--disable-warning=ExperimentalWarning',
      '--no-experimental-ffi',
      MAIN,
      'run',
      'ls',
    ];
    const found = await run(NODE, args, { cwd: dir });
    assertNoStack(found, 'without node:ffi');
    assert.match(
      found.stderr,
      /^cloister: guests cannot run here: node:ffi: not in v26\S+; needs Node\.js 26\.10 with node:ffi; `npm ci` installs it beside Cloister\n$/,
    );
    assert.equal(found.status, 125);
  });

  test('an unreadable root', {
    skip: process.getuid?.() === 0 && 'root reads everything',
  }, async () => {
    mkdirSync(join(dir, 'locked'));
    chmodSync(join(dir, 'locked'), 0);
    const found = await cloister(['run', '--rootfs', 'locked', 'true'], { cwd: dir });
    chmodSync(join(dir, 'locked'), 0o755);
    assert.match(found.stderr, /^cloister: --rootfs locked: no such folder/);
    assert.equal(found.status, 125);
  });
});

describe('damage', { skip: NO_GUESTS }, () => {
  test('ELF headers with flipped bytes never end Cloister', async () => {
    const mutants = join(dir, 'mutants');
    mkdirSync(mutants);
    const bytes = readFileSync(join(dir, 'guest'));
    const headers = 64 + 56 * (bytes[56] as number);
    for (let i = 0; i < 8; i++) {
      const copy = Uint8Array.from(bytes);
      for (let n = 0; n <= random.below(3); n++)
        copy[random.below(headers)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
      writeFileSync(join(mutants, `m${i}`), copy, { mode: 0o755 });
    }
    const script =
      'for m in mutants/*; do timeout 2 $m full > /dev/null 2>&1; n=$((n + 1)); done; echo $n ran';
    const args = ['run', ...MOUNTED, '--', '/bin/bash', '-c', script];
    const found = await cloister(args, { cwd: dir });
    assertNoStack(found, 'flipped bytes in ELF headers');
    assert.equal(found.stdout, '8 ran\n', found.stderr);
    assert.equal(found.status, 0);
    // As the first program, too: what Cloister itself says of some of them.
    for (let i = 0; i < 1; i++) {
      const one = await cloister(guest(`mutants/m${i}`, 'none'), { cwd: dir });
      assertNoStack(one, `m${i}`);
      assert.notEqual(one.status, 1, `m${i}: ${one.stderr}`);
    }
  });

  test('any byte of an image: it is refused, and says why', async () => {
    const files = (readdirSync(TINY, { recursive: true }) as string[])
      .filter((name) => statSync(join(TINY, name)).isFile())
      .sort();
    const copy = join(dir, 'damaged');
    const pin = JSON.parse((await cloister(['inspect', TINY, '--json'], { cwd: dir })).stdout) as {
      measurement: string;
      signers: string[];
    };
    const pins = ['--measurement', pin.measurement, '--signer', pin.signers[0] as string];
    const good = await cloister(['verify', TINY, ...pins], { cwd: dir });
    assert.equal(good.status, 0, good.stderr);
    for (let i = 0; i < 5; i++) {
      const name = files[i % files.length] as string;
      cpSync(TINY, copy, { recursive: true, force: true });
      const bytes = readFileSync(join(copy, name));
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 + random.below(255));
      writeFileSync(join(copy, name), bytes);
      const found = await cloister(['verify', 'damaged', ...pins], { cwd: dir });
      const what = `${name}, byte ${at}`;
      assertNoStack(found, what);
      assert.ok([3, 4].includes(found.status), `${what}: status ${found.status} ${found.stderr}`);
      assert.match(found.stderr, /^cloister: /, what);
    }
  });
});
