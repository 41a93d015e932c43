import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './config-parse.ts';
import { parseSize, toImageConfig } from './config-schema.ts';
import { suggest } from './suggest.ts';

const MINIMAL = 'name: bank\ncommand: [/usr/bin/python3, main.py]\n';

function problems(source: string): string {
  try {
    parseConfig(source, 'cloister.yaml');
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

test('parseConfig() fills in the defaults: no network, nothing may be overridden', () => {
  const config = toImageConfig(parseConfig(MINIMAL, 'cloister.yaml'));
  assert.deepEqual(config.entryPoints, ['/usr/bin/python3']);
  assert.equal(config.network, 'none');
  assert.equal(config.limits.memoryBytes, 2 ** 30);
  assert.ok(Object.values(config.overrides).every((allowed) => allowed === false));
  assert.equal(config.uid, 0);
});

test('parseConfig() refuses unknown keys with line, column and what was meant', () => {
  assert.equal(
    problems(`${MINIMAL}enviroment: {}\n`),
    'cloister.yaml:3:1: unknown key `enviroment` in the top level; did you mean `environment`?',
  );
  assert.equal(
    problems(`${MINIMAL}limits:\n  memory: 1GiB\n  procesess: 4\n`),
    'cloister.yaml:5:3: unknown key `procesess` in `limits`; did you mean `processes`?',
  );
  assert.equal(
    problems(`${MINIMAL}mounts:\n  - {type: hostfs, target: /d, readonly: true}\n`),
    'cloister.yaml:4:32: unknown key `readonly` in `mounts[0]`; did you mean `read_only`?',
  );
  assert.equal(
    problems(`${MINIMAL}files:\n  copy:\n    - {from: a, to: /a, mod: "0644"}\n`),
    'cloister.yaml:5:25: unknown key `mod` in `files.copy[0]`; did you mean `mode`?',
  );
  assert.equal(
    problems(`${MINIMAL}quux: 1\n`),
    'cloister.yaml:3:1: unknown key `quux` in the top level',
  );
});

const INGRESS = 'port: 443, tls: ra-tls, to: 80';
const EGRESS = 'listen: "127.0.0.1:9000", connect: "b:1", policy: p';

test('parseConfig() knows one door or a list of them, and says what is wrong with which', () => {
  const wrong: readonly (readonly [string, string])[] = [
    [
      `ingress: { ${INGRESS}, prot: 1 }`,
      '44: unknown key `prot` in `ingress`; did you mean `port`?',
    ],
    [
      `ingress: [{ ${INGRESS}, clients: { polcy: x } }]`,
      '56: unknown key `polcy` in `ingress[0].clients`; did you mean `policy`?',
    ],
    ['ingress: { port: 443, tls: tls1.2, to: 80 }', '23: `ingress.tls` must be ra-tls'],
    ['ingress: { port: 443, to: 80 }', '10: `tls` is missing in `ingress`'],
    ['ingress: { port: 70000, tls: ra-tls, to: 80 }', '12: `ingress.port` must be a port'],
    [`ingress: [{ ${INGRESS} }, { ${INGRESS} }]`, '1: `ingress` must not name a `port` twice'],
    [
      `egress: { ${EGRESS.replace('127', '10')} }`,
      '11: `egress.listen` must be a loopback address',
    ],
    [`egress: { ${EGRESS.replace(':1"', '"')} }`, '37: `egress.connect` must be HOST:PORT'],
    [`egress: { ${EGRESS}, freshness: never }`, '64: `egress.freshness` must be ('],
    ['ingress: []', '1: `ingress` must name at least one'],
  ];
  for (const [text, message] of wrong) {
    const told = problems(MINIMAL + text);
    assert.ok(told.includes(`cloister.yaml:3:${message}`), `${text} gave ${told}`);
  }
  const both = `${MINIMAL}ingress: { ${INGRESS} }\negress: [{ ${EGRESS} }]\n`;
  const { ingress, egress } = toImageConfig(parseConfig(both, 'x'), (file) => `text of ${file}`);
  assert.deepEqual(ingress, [
    { port: 443, to: 80, alpn: ['http/1.1'], connections: 256, handshakes: 32, idleSeconds: 600 },
  ]);
  assert.equal(egress?.[0]?.policy, 'text of p');
});

test('parseConfig() reports every problem at once, each with its place', () => {
  assert.equal(
    problems('name: Bank!\nlimits: {memory: lots}\nnetwork: bridge\nworking_dir: tmp\n').split('\n')
      .length,
    5,
  );
  assert.match(problems('name: bank\n'), /`command` is missing in the top level/);
  assert.equal(
    problems(`${MINIMAL}limits: {memory: lots}\n`),
    'cloister.yaml:3:10: `limits.memory` must be a size such as 512MiB',
  );
  assert.match(
    problems(`${MINIMAL}network: bridge\n`),
    /:3:1: `network` must be \("none" \| "host"\)/,
  );
});

test('parseConfig() names line and column of broken YAML, duplicate keys and emptiness', () => {
  assert.match(problems('name: [\n'), /^cloister\.yaml:\d+:\d+: not YAML: /);
  assert.match(
    problems('name: a\nname: b\ncommand: [x]\n'),
    /:2:1: not YAML: Map keys must be unique/,
  );
  assert.match(problems(''), /empty/);
});

test('parseSize() knows binary units', () => {
  assert.equal(parseSize('512MiB'), 512 * 2 ** 20);
  assert.equal(parseSize('2g'), 2 ** 31);
  assert.equal(parseSize(4096), 4096);
  assert.equal(parseSize('1.5G'), undefined);
  assert.equal(parseSize('x'), undefined);
});

test('suggest() takes swapped letters and dashes, and nothing that is far away', () => {
  assert.equal(suggest('comand', ['command', 'name']), 'command');
  assert.equal(suggest('entry-points', ['entry_points']), 'entry_points');
  assert.equal(suggest('zzz', ['command', 'name']), undefined);
});
