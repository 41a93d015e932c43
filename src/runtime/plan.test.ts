import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageConfig } from '../image/config-schema.ts';
import { parsePublish } from '../net/access-rules.ts';
import { PlanError, planImage, planUnmeasured, type RunRequest } from './plan.ts';

const NOTHING: RunRequest = {
  command: [],
  environment: [],
  binds: [],
  sealed: [],
  workingDir: undefined,
  tmpfs: [],
  isRootReadOnly: false,
  hostName: undefined,
  user: undefined,
  memoryBytes: undefined,
  network: undefined,
  published: [],
};

const NO_OVERRIDES = {
  environment: false,
  mounts: false,
  user: false,
  working_dir: false,
  arguments: false,
  program: false,
  limits: false,
  network: false,
  secrets: false,
};

const CONFIG: ImageConfig = {
  name: 'bank',
  command: ['/usr/bin/python3', '/app/main.py'],
  entryPoints: ['/usr/bin/python3'],
  workingDir: '/',
  uid: 0,
  gid: 0,
  environment: { fixed: { A: 'fixed' }, fromHost: ['LANG', 'ABSENT'] },
  limits: { memoryBytes: 1 << 20, processes: 4, openFiles: 64, tmpfsBytes: 4096 },
  mounts: [],
  network: 'none',
  overrides: NO_OVERRIDES,
};

const HOST_ENVIRONMENT: Readonly<Record<string, string>> = { LANG: 'C', A: 'host' };
const host = (name: string) => HOST_ENVIRONMENT[name];

test('planImage() runs what was measured when nothing is asked for', () => {
  const plan = planImage(CONFIG, NOTHING, host);
  assert.deepEqual(plan.argv, CONFIG.command);
  assert.deepEqual([...plan.environment].sort(), ['A=fixed', 'LANG=C']);
  assert.equal(plan.maxTasks, 4);
});

test('planImage() lets nobody watch but who may run any program', () => {
  const watched = { ...NOTHING, isWatched: true };
  assert.throws(() => planImage(CONFIG, watched, host), /overrides: \{ program: true \}/);
  const open = { ...CONFIG, overrides: { ...NO_OVERRIDES, program: true } };
  assert.deepEqual(planImage(open, watched, host).argv, CONFIG.command);
});

const KEY = `ed25519:${'0'.repeat(64)}`;

test('planImage() lets the host choose the way to a measured broker, not the broker', () => {
  const broker = { url: 'http://here', key: KEY, secrets: { disk: 'lab/key/disk' } };
  const config = { ...CONFIG, broker };
  const secrets = [['disk', 'lab/key/disk']];
  assert.deepEqual(planImage(config, NOTHING, host).broker, { ...broker, secrets });
  const elsewhere = planImage(config, { ...NOTHING, brokerUrl: 'http://there' }, host).broker;
  assert.deepEqual(elsewhere, { url: 'http://there', key: KEY, secrets });
  planImage(config, { ...NOTHING, brokerKey: KEY }, host);
  const impostor = { ...NOTHING, brokerKey: KEY.replace('0', '1') };
  assert.throws(() => planImage(config, impostor, host), /another key broker/);
  const more = { ...NOTHING, secrets: [['disk', 'mine/key/disk'] as const] };
  assert.throws(() => planImage(config, more, host), /overrides: \{ secrets: true \}/);
  const { url: _, ...nowhere } = broker;
  assert.throws(() => planImage({ ...CONFIG, broker: nowhere }, NOTHING, host), /--kbs URL/);
});

test('planImage() lets the host choose where a door listens, and nothing else', () => {
  const door = { port: 443, to: 80, alpn: [], connections: 1, handshakes: 1, idleSeconds: 1 };
  const config = { ...CONFIG, ingress: [door] };
  const at = (request: RunRequest) => planImage(config, request, host).ingress?.[0]?.at;
  assert.deepEqual(at(NOTHING), [{ host: '0.0.0.0', port: 443 }]);
  const published = (text: string) => ({ ...NOTHING, published: parsePublish(text) ?? [] });
  assert.deepEqual(at(published('127.0.0.1:8443:443')), [{ host: '127.0.0.1', port: 8443 }]);
  assert.deepEqual(planImage(config, published('8443:443'), host).network.published, []);
  // Past the door, to the server itself.
  assert.throws(() => at(published('8080:80')), /publishing port 80 \(-p\)/);
  assert.throws(() => at(published('8443:443/udp')), /publishing port 443 \(-p\)/);
});

const ASKED: readonly (readonly [keyof typeof NO_OVERRIDES, Partial<RunRequest>])[] = [
  ['environment', { environment: [['X', '1']] }],
  ['mounts', { binds: [{ hostPath: '/h', guestPath: '/g', readOnly: true }] }],
  ['mounts', { sealed: [{ source: 's', target: '/t', keyFile: undefined, readOnly: false }] }],
  ['user', { user: { uid: 1, gid: 1 } }],
  ['working_dir', { workingDir: '/app' }],
  ['limits', { memoryBytes: 1 }],
  ['limits', { cpus: 2 }],
  ['network', { network: 'host' }],
  ['arguments', { command: ['/usr/bin/python3', '-c', '1'] }],
  ['program', { command: ['/bin/sh'] }],
  ['secrets', { brokerUrl: 'http://b', brokerKey: KEY, secrets: [['a', 'r/t/a']] }],
];

for (const [name, asked] of ASKED)
  test(`planImage() refuses ${JSON.stringify(asked)} and names the key ${name}`, () => {
    const request = { ...NOTHING, ...asked };
    const message = new RegExp(`overrides: \\{ ${name}: true \\}`);
    assert.throws(() => planImage(CONFIG, request, host), { message });
    const permitting = { ...CONFIG, overrides: { ...NO_OVERRIDES, [name]: true } };
    planImage(permitting, request, host);
  });

test('planImage() permits the measured command given in full', () => {
  const plan = planImage(CONFIG, { ...NOTHING, command: CONFIG.command }, host);
  assert.deepEqual(plan.argv, CONFIG.command);
});

test('planUnmeasured() needs a program and defaults to root in /', () => {
  assert.throws(() => planUnmeasured(NOTHING), PlanError);
  const plan = planUnmeasured({ ...NOTHING, command: ['/bin/true'] });
  assert.deepEqual([plan.uid, plan.gid, plan.workingDir], [0, 0, '/']);
});
