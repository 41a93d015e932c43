import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import fc from 'fast-check';
import { readPlainRun } from './plain-run.ts';
import { register } from './run.ts';

interface Parsed {
  readonly command: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the parser of `run.ts` makes of a command line; undefined where it refuses it. */
function parse(argv: readonly string[]): Parsed | undefined {
  const program = new Command('cloister').enablePositionalOptions().exitOverride();
  register(program);
  const run = program.commands[0] as Command;
  let parsed: Parsed | undefined;
  run.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  run.action((command: string[], options: Record<string, unknown>) => {
    parsed = { command, options: { ...options } };
  });
  try {
    program.parse(['run', ...argv], { from: 'user' });
  } catch {
    return undefined;
  }
  return parsed;
}

/** All spellings of the options of `run`. */
function spellings(): { readonly flags: string[]; readonly withValue: string[] } {
  const program = new Command().enablePositionalOptions();
  register(program);
  const flags: string[] = [];
  const withValue: string[] = [];
  for (const option of (program.commands[0] as Command).options)
    for (const spelling of [option.short, option.long])
      if (spelling) (option.required || option.optional ? withValue : flags).push(spelling);
  return { flags, withValue };
}

test('readPlainRun() reads what it reads as the parser of the command does', () => {
  const { flags, withValue } = spellings();
  const value = fc.constantFrom('x', '/w', 'a:b', 'N=1', '--', '-', '', '-x', '--image');
  const part = fc.oneof(
    fc.constantFrom(...flags).map((flag) => [flag]),
    fc.tuple(fc.constantFrom(...withValue), value).map(([name, text]) => [name, text]),
    fc.tuple(fc.constantFrom(...withValue), value).map(([name, text]) => [`${name}=${text}`]),
    fc
      .constantFrom('-it', '-ti', '-w/w', '--unknown', '-h', '--help', '--', 'prog')
      .map((word) => [word]),
  );
  const line = fc.tuple(
    fc.array(part, { maxLength: 5 }).map((parts) => parts.flat()),
    fc.constantFrom([], ['--']),
    fc.array(fc.constantFrom('prog', './p', '-c', '--', '-v', 'a b', ''), { maxLength: 3 }),
  );
  let plain = 0;
  fc.assert(
    fc.property(line, ([options, dashes, command]) => {
      const argv = [...options, ...dashes, ...command];
      const read = readPlainRun(argv);
      if (read === undefined) return;
      plain++;
      assert.deepEqual({ command: [...read.command], options: { ...read.options } }, parse(argv));
    }),
    { numRuns: 2000 },
  );
  assert.ok(plain > 100, `only ${plain} lines were plain`);
});

test('readPlainRun() reads the usual lines', () => {
  assert.deepEqual(readPlainRun(['-v', '/a:/w', '-w', '/w', '--', './p', '-x']), {
    command: ['./p', '-x'],
    options: { aslr: true, volume: ['/a:/w'], workdir: '/w' },
  });
  assert.deepEqual(readPlainRun(['busybox', 'true']), {
    command: ['busybox', 'true'],
    options: { aslr: true },
  });
});

test('readPlainRun() leaves measured runs and mistakes to the parser', () => {
  for (const argv of [
    [],
    ['--'],
    ['--image', 'i', '--', 'p'],
    ['--image=i', '--', 'p'],
    ['--mount', 'type=sealed,source=v,anchor=broker', '--', 'p'],
    ['--mount', 'type=sealed,source=v,anchor=tpm:/dev/tpmrm0', '--', 'p'],
    ['--evidence', 'f', 'p'],
    ['--secret', 'n=i', 'p'],
    ['-w'],
    ['-w', '-w', 'p'],
    ['-itv', 'a:b', 'p'],
    ['--help'],
    ['p', '--', 'q'],
  ])
    assert.equal(readPlainRun(argv), undefined, argv.join(' '));
});
