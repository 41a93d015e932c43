/** Doors over real TLS on loopback, and attacks on them, each named after what it tries. */
import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { connect as tcpConnect } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConnectionOptions,
  createServer as createTlsServer,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import { verifyRaTls } from '../../attest/ratls/verify.ts';
import type { ByteStream } from '../../base/byte-stream.ts';
import { nodeTlsHost } from '../../host/tls-host.ts';
import { connectAttested, FRESH_PROTOCOL, type StreamJudge } from '../../kbs/attested-stream.ts';
import { ChannelRefused } from '../../kbs/ra-tls.ts';
import { policyFor } from '../../kbs/testing/setup.ts';
import type { TlsStream } from '../../kbs/tls.ts';
import { judge, readAll, shout, TestInstance, utf8 } from './testing/instances.ts';

/** A program on another machine that appraises before it speaks. */
async function attestedClient(port: number, how: StreamJudge, from = new TestInstance('client')) {
  const { identity, prove } = from.parts;
  return connectAttested(
    nodeTlsHost,
    { host: '127.0.0.1', port },
    {
      ...{ identity: await identity.current(), prove, judge: how, protocols: [] },
      ...{ handshakeMs: 5000, idleMs: 5000 },
    },
  );
}

async function ask(stream: ByteStream, text: string): Promise<string> {
  await stream.write(utf8(text));
  await stream.end();
  const answer = await readAll(stream);
  stream.destroy();
  return answer;
}

/** Any TLS client; 'secured', or the code of what went wrong. */
function plainTls(port: number, options: ConnectionOptions = {}) {
  const socket = tlsConnect({
    ...{ host: '127.0.0.1', port, rejectUnauthorized: false, allowHalfOpen: true },
    ...options,
  });
  const outcome = new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('secured'));
    socket.once('error', (error: Error & { code?: string }) => resolve(error.code ?? '?'));
    socket.once('close', () => resolve('closed'));
  });
  socket.on('error', () => undefined);
  return { socket, outcome };
}

async function answerOf(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

function serving(name = 'server') {
  const instance = new TestInstance(name);
  const heard: string[] = [];
  instance.server(async (connection) => {
    const text = await readAll(connection);
    heard.push(text);
    await connection.write(utf8(text.toUpperCase()));
    await connection.end();
  });
  return Object.assign(instance, { heard });
}

test('any TLS 1.3 client is served, and finds evidence in the certificate', async () => {
  using instance = serving();
  const { port } = await instance.ingress();
  const { socket, outcome } = plainTls(port, { ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(await outcome, 'secured');
  assert.equal(socket.getProtocol(), 'TLSv1.3');
  assert.equal(socket.alpnProtocol, 'http/1.1');
  const certificate = new Uint8Array((socket.getPeerX509Certificate() as X509Certificate).raw);
  const { policy, time } = judge('server', 'certificate');
  const appraisal = await verifyRaTls({ certificate, policy, time: time() });
  assert.equal(appraisal.accepted, true, appraisal.reasons.join());
  // The end of one direction is not that of the other.
  socket.end('hello');
  assert.equal(await answerOf(socket), 'HELLO');
  const other = plainTls(port, { ALPNProtocols: ['h2'] });
  assert.equal(await other.outcome, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
});

test('a client with a policy is served by the right image, and leaves any other', async () => {
  using instance = serving();
  const { port } = await instance.ingress();
  const { stream, appraisal } = await attestedClient(port, judge('server'));
  assert.equal(appraisal?.accepted, true);
  assert.equal(await ask(stream, 'secret'), 'SECRET');
  await assert.rejects(attestedClient(port, judge('another image')), (error) => {
    assert.ok(error instanceof ChannelRefused);
    return /neither listed nor signed/.test(error.message);
  });
  assert.deepEqual(instance.heard, ['secret'], 'nothing went to the wrong one');
});

test('mutual: a plain program reaches a plain server, and both instances were appraised', async () => {
  using server = serving();
  using client = new TestInstance('client');
  const clients = { policy: policyFor('client'), freshness: 'connection' } as const;
  const { port } = await server.ingress({ clients });
  client.egress(port);
  assert.equal(await ask(await client.client(9000), 'table'), 'TABLE');

  // Another image, and a client without evidence, are not let in.
  using stranger = new TestInstance('stranger');
  stranger.egress(port);
  await assert.rejects(ask(await stranger.client(9000), 'table'), /errno 104/);
  assert.match(stranger.logged.join(), /egress 127.0.0.1:9000.*the peer refused our evidence/);
  assert.match(server.logged.join(), /ingress 443: .*peer refused: .*neither listed nor signed/);
  const anyone = plainTls(port);
  assert.equal(await anyone.outcome, 'secured');
  anyone.socket.write('table');
  assert.equal(await answerOf(anyone.socket).catch(() => ''), '');
  assert.deepEqual(server.heard, ['table']);
});

test('an egress sends nothing to a peer that its policy refuses', async () => {
  using server = serving('changed');
  using client = new TestInstance('client');
  const { port } = await server.ingress();
  client.egress(port);
  await assert.rejects(ask(await client.client(9000), 'secret'), /errno 104/);
  assert.match(client.logged.join(), /peer refused: .*neither listed nor signed/);
  assert.deepEqual(server.heard, []);
});

test('plain TCP is refused', async () => {
  using instance = serving();
  const { port } = await instance.ingress();
  const socket = tcpConnect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
  let text = '';
  socket.on('error', () => undefined);
  for await (const chunk of socket) text += chunk.toString('latin1');
  assert.doesNotMatch(text, /GET/);
  assert.deepEqual(instance.heard, []);
  assert.match(instance.logged.join(), /the TLS handshake failed: http request/);
});

test('downgrade: TLS 1.2 is not spoken, in either direction', async () => {
  using instance = serving();
  const { port } = await instance.ingress();
  const old = plainTls(port, { maxVersion: 'TLSv1.2' });
  assert.match(await old.outcome, /PROTOCOL_VERSION/);
  const server = createTlsServer({ maxVersion: 'TLSv1.2' }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address() as { port: number };
  await assert.rejects(attestedClient(address.port, judge('server')), /handshake/);
  server.close();
});

test('downgrade: evidence of a certificate is not taken for evidence of the connection', async () => {
  using instance = new TestInstance('server');
  const identity = await instance.parts.identity.current();
  const options = { identity, protocols: ['http/1.1'], handshakeMs: 5000, idleMs: 5000 };
  // An RA-TLS server of other making: it does not know cloister.ra-tls.v1, and speaks no ALPN.
  const other = await nodeTlsHost.listen({ host: '127.0.0.1', port: 0 }, (incoming) => {
    void incoming
      .secure({ ...options, protocols: [], asksForCertificate: false })
      .then(shout)
      .catch(() => undefined);
  });
  const refused = attestedClient(other.port, judge('server'));
  await assert.rejects(refused, /does not speak cloister.ra-tls.v1/);
  const { stream } = await attestedClient(other.port, judge('server', 'certificate'));
  assert.equal(await ask(stream, 'yes'), 'YES');
  const wrong = attestedClient(other.port, judge('another', 'certificate'));
  await assert.rejects(wrong, /neither listed nor signed/);
  other.close();
});

/** Ends TLS towards the victim with `own`, and passes every byte to and from the real port. */
async function interceptor(own: TestInstance, realPort: number) {
  const identity = await own.parts.identity.current();
  const options = { identity, protocols: [FRESH_PROTOCOL], handshakeMs: 5000, idleMs: 5000 };
  const pass = async (from: TlsStream, to: TlsStream) => {
    for (let part = await from.read(); part !== undefined; part = await from.read())
      await to.write(part);
  };
  return nodeTlsHost.listen({ host: '127.0.0.1', port: 0 }, async (incoming) => {
    const victim = await incoming.secure({ ...options, asksForCertificate: true });
    const real = await nodeTlsHost.connect({ host: '127.0.0.1', port: realPort }, options);
    await Promise.allSettled([pass(victim, real), pass(real, victim)]);
    victim.destroy();
    real.destroy();
  });
}

test('relay: who ends TLS between the two gets neither the evidence through nor a byte', async () => {
  using server = serving();
  using client = new TestInstance('client');
  using attacker = new TestInstance('attacker');
  const { port } = await server.ingress();
  const between = await interceptor(attacker, port);
  client.egress(between.port);
  await assert.rejects(ask(await client.client(9000), 'secret'), /errno 104/);
  assert.match(client.logged.join(), /the evidence is about another TLS key/);
  assert.deepEqual(server.heard, []);
  between.close();
});

test('relay: an attacker who stole the TLS key fails at the exporter', async () => {
  using server = serving();
  const { port } = await server.ingress();
  // The thief shows the server's own certificate and holds its key.
  const between = await interceptor(server, port);
  await assert.rejects(
    attestedClient(between.port, judge('server')),
    /another challenge: a replay/,
  );
  assert.deepEqual(server.heard, []);
  between.close();
});

test('replay, substitution: a certificate that was seen is nothing without its key', async () => {
  using server = new TestInstance('server');
  using attacker = new TestInstance('attacker');
  const seen = (await server.parts.identity.current()).certificate;
  const own = await attacker.parts.identity.current();
  const identity = { ...own, certificate: seen };
  const options = { identity, protocols: [], handshakeMs: 5000, idleMs: 5000 };
  const fake = await nodeTlsHost.listen({ host: '127.0.0.1', port: 0 }, (incoming) => {
    try {
      void incoming.secure({ ...options, asksForCertificate: false }).catch(() => undefined);
    } catch {
      incoming.destroy();
    }
  });
  await assert.rejects(attestedClient(fake.port, judge('server', 'certificate')));
  fake.close();
});

test('truncation: an end of TCP without close_notify is a reset inside, not an end', async () => {
  const instance = new TestInstance('server');
  using _ = instance;
  const ended = Promise.withResolvers<string>();
  instance.server(async (connection) => {
    await readAll(connection).then(ended.resolve, (error) => ended.resolve(error.message));
  });
  const { port } = await instance.ingress();
  const raw = tcpConnect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise((resolve) => raw.once('connect', resolve));
  const carried = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => void raw.write(chunk, done),
    final: (done) => done(),
  });
  raw.on('data', (chunk) => carried.push(chunk));
  raw.on('error', () => undefined);
  const { socket, outcome } = plainTls(port, { socket: carried });
  assert.equal(await outcome, 'secured');
  await new Promise((resolve) => socket.write('a part', resolve));
  raw.end();
  assert.match(await ended.promise, /errno 104/);
  raw.destroy();
});

test('backpressure: who does not read holds the sender up, and nothing is lost', async () => {
  using instance = new TestInstance('server');
  const MIB = 1 << 20;
  // More than the buffers of both kernels hold.
  const size = 12 * MIB;
  const go = Promise.withResolvers<void>();
  let received = 0;
  instance.server(async (connection) => {
    await go.promise;
    for (let part = await connection.read(); part !== undefined; part = await connection.read())
      received += part.length;
    for (let sent = 0; sent < size; sent += MIB) await connection.write(new Uint8Array(MIB));
    await connection.end();
  });
  const { port } = await instance.ingress();
  const { stream } = await attestedClient(port, judge('server'));
  let sent = 0;
  const sending = (async () => {
    for (; sent < size; sent += MIB) await stream.write(new Uint8Array(MIB));
    await stream.end();
  })();
  // Stalled: twice the same figure.
  for (let before = -1; before !== sent || sent === 0; ) {
    before = sent;
    await sleep(50);
  }
  assert.ok(sent < size, `${sent} of ${size} bytes were taken though nobody read`);
  go.resolve();
  await sending;
  let back = 0;
  for (let part = await stream.read(); part !== undefined; part = await stream.read())
    back += part.length;
  assert.deepEqual([received, back], [size, size]);
  stream.destroy();
});

/** Tries until it is so: how long the other side takes is not the test's business. */
async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await isSo()) return;
    await sleep(10);
  }
  assert.fail('it never became so');
}

test('limits: silent connections keep others out only while they last, and not in any number', async () => {
  using instance = serving();
  const { port } = await instance.ingress({ handshakes: 2, connections: 3 });
  const silent = [1, 2].map(() => tcpConnect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(silent.map((one) => new Promise((resolve) => one.once('connect', resolve))));
  assert.notEqual(await plainTls(port).outcome, 'secured');
  assert.match(instance.logged.join(), /turned .* away: 2 handshakes under way/);
  for (const one of silent) one.destroy();
  const kept: TLSSocket[] = [];
  while (kept.length < 3)
    await eventually(async () => {
      const { socket, outcome } = plainTls(port);
      if ((await outcome) !== 'secured') return false;
      kept.push(socket);
      return true;
    });
  await eventually(async () => {
    instance.clock.ms += 2000;
    assert.notEqual(await plainTls(port).outcome, 'secured');
    return /turned .* away: 3 connections/.test(instance.logged.join());
  });
  for (const socket of kept) socket.destroy();
});

test('idle: a connection on which nothing moves is ended', async () => {
  using instance = serving();
  const { port } = await instance.ingress({ idleSeconds: 0.1 });
  const { socket, outcome } = plainTls(port);
  assert.equal(await outcome, 'secured');
  assert.equal(await answerOf(socket).catch(() => ''), '');
  assert.deepEqual(instance.heard, []);
});

test('where nobody listens inside, nobody is kept waiting', async () => {
  using instance = new TestInstance('server');
  const { port } = await instance.ingress();
  assert.notEqual(await plainTls(port).outcome, 'secured');
});

test('close: what guests sent last goes out, and clients that stay are not waited for', async () => {
  using instance = new TestInstance('server');
  const said = Promise.withResolvers<void>();
  instance.server(async (connection) => {
    await connection.write(utf8('last words'));
    await connection.end();
    said.resolve();
  });
  const door = await instance.ingress();
  const { stream } = await attestedClient(door.port, judge('server'));
  await said.promise;
  await door.close();
  assert.equal(await readAll(stream).catch(() => 'cut'), 'last words');
  stream.destroy();
});

test('evidence is renewed when the certificate nears its end, and when collateral changes', async () => {
  let collateral = { dcap: {} as never };
  using instance = new TestInstance('server', { collateral: async () => collateral });
  const { identity } = instance.parts;
  const HOUR = 3_600_000;
  const first = await identity.current();
  instance.clock.ms += HOUR / 4;
  assert.equal(await identity.current(), first);
  await sleep(50);
  assert.equal(await identity.current(), first);
  instance.clock.ms += HOUR / 3;
  // Behind the connection that finds it old.
  assert.equal(await identity.current(), first);
  await eventually(async () => (await identity.current()) !== first);
  const second = await identity.current();
  assert.notDeepEqual(second.publicKey, first.publicKey);
  collateral = { dcap: {} as never };
  instance.clock.ms += 120_000;
  await eventually(async () => (await identity.current()) !== second);
  const third = await identity.current();
  // Nobody asked for long: what is over is not shown.
  instance.clock.ms += 3 * HOUR;
  const fourth = await identity.current();
  assert.notEqual(fourth, third);
  const { policy } = judge('server', 'certificate');
  const time = new Date(instance.clock.ms);
  const appraisal = await verifyRaTls({ certificate: fourth.certificate, policy, time });
  assert.equal(appraisal.accepted, true, appraisal.reasons.join());
});

test('a TEE that stops giving evidence is said once a try, and the old certificate serves on', async () => {
  const instance = new TestInstance('server');
  const { provider } = instance.identityParts;
  let isBroken = false;
  const broken = {
    name: provider.name,
    quote: (data: Uint8Array) => {
      if (isBroken) throw new Error('the TEE does not answer');
      return provider.quote(data);
    },
  };
  using renewing = new TestInstance('server', { provider: broken });
  const { identity } = renewing.parts;
  const first = await identity.current();
  isBroken = true;
  renewing.clock.ms += 40 * 60_000;
  assert.equal(await identity.current(), first);
  const isSaid = /could not be renewed: the TEE does not answer/;
  await eventually(() => isSaid.test(renewing.logged.join()));
  renewing.clock.ms += 40 * 60_000;
  await assert.rejects(identity.current(), /does not answer/);
});
