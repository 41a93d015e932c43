import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConnectRule, parseListenRule, parsePublish } from './access-rules.ts';
import { HostAccess } from './host-access.ts';
import type { HostNetwork } from './host-network.ts';
import { ANY4, parseIp } from './ip.ts';

const endpoint = (ip: string, port: number) => ({ ip: parseIp(ip) ?? ANY4, port });

test('parsePublish() takes what Docker takes', () => {
  const text = (spec: string) =>
    parsePublish(spec)?.map(
      ({ host, guestPort, protocol }) => `${host.ip} ${host.port} ${guestPort} ${protocol}`,
    );
  assert.deepEqual(text('8080:80'), ['0.0.0.0 8080 80 tcp']);
  assert.deepEqual(text('127.0.0.1:8080:80/udp'), ['127.0.0.1 8080 80 udp']);
  assert.deepEqual(text('[::1]:1:2'), ['::1 1 2 tcp']);
  assert.deepEqual(text('7000-7001:80-81'), ['0.0.0.0 7000 80 tcp', '0.0.0.0 7001 81 tcp']);
  for (const bad of [
    '',
    '80',
    '80:',
    ':80',
    '1:2:3:4',
    '70000:80',
    '1-2:3',
    '300.1.1.1:1:2',
    '1:0',
  ])
    assert.equal(parsePublish(bad), undefined, bad);
});

test('rules are parsed, and what is no rule is not', () => {
  assert.deepEqual(parseListenRule('80'), { firstPort: 80, lastPort: 80, protocol: undefined });
  assert.deepEqual(parseListenRule('1-9/udp'), { firstPort: 1, lastPort: 9, protocol: 'udp' });
  assert.equal(parseListenRule('9-1'), undefined);
  assert.equal(parseConnectRule('*:443')?.network, undefined);
  assert.equal(parseConnectRule('10.0.0.0/8:5432')?.network?.prefixBits, 8);
  assert.equal(parseConnectRule('[2001:db8::]/32:*')?.network?.prefixBits, 32);
  for (const bad of ['', '10.0.0.0/33:1', 'example.com:80', '1.2.3.4', '1.2.3.4:70000'])
    assert.equal(parseConnectRule(bad), undefined, bad);
});

test('HostAccess permits what a rule names, and logs the rest', () => {
  const logged: string[] = [];
  const network = {} as HostNetwork;
  const rules = {
    isOpen: true,
    connect: [parseConnectRule('10.0.0.0/8:5432/tcp'), parseConnectRule('[fd00::]/8:*')].flatMap(
      (rule) => rule ?? [],
    ),
    listen: [parseListenRule('8080')].flatMap((rule) => rule ?? []),
    published: [],
  };
  const access = new HostAccess(network, rules, (line) => logged.push(line));
  assert.equal(access.mayConnect(endpoint('10.1.2.3', 5432), 'tcp'), 0);
  assert.equal(access.mayConnect(endpoint('fd00::1', 1), 'udp'), 0);
  assert.equal(access.mayListen(8080, 'tcp'), 0);
  assert.deepEqual(logged, []);
  assert.equal(access.mayConnect(endpoint('10.1.2.3', 5432), 'udp'), -13);
  assert.equal(access.mayConnect(endpoint('11.1.2.3', 5432), 'tcp'), -13);
  assert.equal(access.mayListen(8081, 'tcp'), -13);
  assert.match(logged.join('\n'), /10\.1\.2\.3:5432\/udp.*\n.*11\.1\.2\.3:5432.*\n.*8081\/tcp/);
  const closed = new HostAccess(network, { ...rules, isOpen: false }, () => undefined);
  assert.equal(closed.mayConnect(endpoint('10.1.2.3', 5432), 'tcp'), -13);
});
