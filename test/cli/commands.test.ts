/** Every command: help with an example, JSON where it reports, its row in docs/cli.md. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Command } from 'commander';
import { COMMANDS } from '../../src/cli/commands.ts';

const DOCS = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

async function registered(name: string): Promise<Command> {
  const row = COMMANDS.find((one) => one.name === name);
  assert.ok(row);
  const program = new Command('cloister').exitOverride().enablePositionalOptions();
  (await row.load()).register(program);
  const [command] = program.commands;
  assert.ok(command);
  return command;
}

/** The help as it is printed, with what is added behind it. */
function helpOf(command: Command): string {
  let text = '';
  const writeOut = (part: string): void => {
    text += part;
  };
  command.configureOutput({ writeOut });
  command.outputHelp();
  return text;
}

const leaves = (command: Command): Command[] =>
  command.commands.length === 0
    ? [command]
    : command.commands.filter((one) => one.name() !== 'help').flatMap(leaves);

/** Commands whose result is no report: they make something, or print what they were asked for. */
const WITHOUT_JSON: ReadonlySet<string> = new Set([
  ...['run', 'new', 'attest', 'exec', 'logs', 'rm', 'connect'],
]);

for (const { name, summary } of COMMANDS) {
  test(`${name}: help has an example, and every option says what it is`, async () => {
    const command = await registered(name);
    assert.equal(command.name(), name);
    assert.match(helpOf(command), new RegExp(`Examples?:\n( .*\n)* +.*cloister ${name}`));
    for (const leaf of leaves(command)) {
      assert.notEqual(leaf.description(), '', `${name} ${leaf.name()}`);
      for (const option of leaf.options)
        if (!option.hidden) assert.notEqual(option.description, '', `${name} ${option.flags}`);
    }
  });

  test(`${name}: docs/cli.md has it`, () => {
    assert.match(DOCS, new RegExp(`^\\| \`${name}\` \\|`, 'm'));
    assert.notEqual(summary, '');
  });

  test(`${name}: --json where it reports`, async () => {
    const all = leaves(await registered(name));
    const has = all.some((leaf) => leaf.options.some(({ long }) => long === '--json'));
    assert.equal(has, !WITHOUT_JSON.has(name));
  });
}

test('docs/cli.md names the exit statuses that the code gives', () => {
  const report = readFileSync(new URL('../../src/cli/report.ts', import.meta.url), 'utf8');
  const given = new Set([...report.matchAll(/CLOISTER_\w+: (\d)/g)].map(([, digit]) => digit));
  assert.ok(given.size >= 4);
  for (const status of given) assert.match(DOCS, new RegExp(`^\\| ${status} \\|`, 'm'));
});
