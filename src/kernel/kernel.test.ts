import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  SA,
  SIGALRM,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  SIGTERM,
  SIGUSR1,
} from '../abi/signal.table.ts';
import { CLONE } from '../abi/task-flags.ts';
import type { FakeCpu, Script, Step } from './testing/fake-platform.ts';
import { DATA, KernelFixture } from './testing/fixture.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const CHILD = DATA + 0x100;

function* fork(cpu: FakeCpu, child: Script): Generator<Step, number, number> {
  cpu.childScript = child;
  return yield ['fork'];
}

function* onSignal(
  fixture: KernelFixture,
  cpu: FakeCpu,
  signal: number,
  handler: Script,
  flags: number = 0,
): Generator<Step, void, number> {
  const at = DATA + 0x200;
  cpu.memory.writeU64(at, fixture.platform.addressOf(handler));
  cpu.memory.writeU64(at + 8, (flags | SA.SA_RESTORER) >>> 0);
  cpu.memory.writeU64(at + 16, 0x1000);
  cpu.memory.writeU64(at + 24, 0);
  assert.equal(yield ['rt_sigaction', signal, at, 0, 8], 0);
}

test('a process sees its ids, its children and their statuses', async () => {
  const fixture = new KernelFixture();
  const seen: number[] = [];
  const status = await fixture.run(function* (cpu) {
    const pid = yield ['getpid'];
    const child = yield* fork(cpu, function* () {
      seen.push(yield ['getppid']);
      yield ['exit_group', 7];
    });
    const waited = yield ['wait4', -1, CHILD, 0, 0];
    seen.push(pid, child - waited, cpu.memory.readU32(CHILD) as number);
    seen.push(yield ['wait4', -1, CHILD, 0, 0]);
    yield ['exit_group', 3];
  });
  assert.equal(status, 3 << 8);
  assert.deepEqual(seen, [2, 2, 0, 7 << 8, -10]);
});

test('a handler runs with siginfo and goes back to where the signal came', async () => {
  const fixture = new KernelFixture();
  const log: unknown[] = [];
  const status = await fixture.run(function* (cpu) {
    cpu.extended[100] = 42;
    yield* onSignal(
      fixture,
      cpu,
      SIGUSR1,
      function* (inner) {
        const info = Number(inner.gprs[6]);
        log.push(Number(inner.gprs[7]), inner.memory.readI32(info + 8), inner.extended[100]);
        log.push(yield ['getpid']);
      },
      SA.SA_SIGINFO,
    );
    const rsp = cpu.gprs[4];
    log.push(yield ['kill', yield ['getpid'], SIGUSR1]);
    log.push(cpu.extended[100], cpu.gprs[4] === rsp);
  });
  assert.equal(status, 0);
  assert.deepEqual(log, [SIGUSR1, 0, 0, 2, 0, 42, true]);
});

for (const [flags, expected] of [
  [SA.SA_RESTART, 5],
  [0, -4],
] as const)
  test(`an interrupted read answers ${expected} with flags ${flags}`, async () => {
    const fixture = new KernelFixture();
    let result = 0;
    await fixture.run(function* (cpu) {
      yield ['pipe2', DATA, 0];
      const [reader, writer] = [cpu.memory.readI32(DATA), cpu.memory.readI32(DATA + 4)];
      yield* onSignal(
        fixture,
        cpu,
        SIGALRM,
        function* () {
          yield ['getpid'];
        },
        flags,
      );
      yield ['alarm', 1];
      const child = yield* fork(cpu, function* (inner) {
        inner.memory.writeU64(DATA + 32, 2);
        yield ['nanosleep', DATA + 32, 0];
        inner.memory.copyOut(DATA + 64, bytes('hello'));
        yield ['write', writer as number, DATA + 64, 5];
      });
      assert.ok(child > 0);
      result = yield ['read', reader as number, DATA + 128, 10];
    });
    assert.equal(result, expected);
  });

test('nanosleep goes on after a stop and tells the rest after a handler', async () => {
  const fixture = new KernelFixture();
  const times: number[] = [];
  await fixture.run(function* (cpu) {
    yield* onSignal(fixture, cpu, SIGALRM, function* () {
      yield ['getpid'];
    });
    cpu.memory.writeU64(DATA, 5);
    yield ['alarm', 2];
    const result = yield ['nanosleep', DATA, DATA + 16];
    times.push(result, cpu.memory.readU64(DATA + 16) as number);
  });
  assert.deepEqual(times, [-4, 3]);
});

test('stops and continuations reach the parent', async () => {
  const fixture = new KernelFixture();
  const statuses: number[] = [];
  await fixture.run(function* (cpu) {
    const child = yield* fork(cpu, function* (inner) {
      inner.memory.writeU64(DATA, 100);
      for (;;) yield ['nanosleep', DATA, 0];
    });
    for (const [signal, options] of [
      [SIGSTOP, 2],
      [SIGCONT, 8],
      [SIGKILL, 0],
    ] as const) {
      yield ['kill', child, signal];
      assert.equal(yield ['wait4', child, CHILD, options, 0], child);
      statuses.push(cpu.memory.readU32(CHILD) as number);
    }
  });
  assert.deepEqual(statuses, [(SIGSTOP << 8) | 0x7f, 0xffff, SIGKILL]);
});

test('a fault without a handler ends the process; with one it is told the address', async () => {
  const fixture = new KernelFixture();
  const fault = { signal: SIGSEGV, code: 1, address: 0xdead_0000n, trapNumber: 14, errorCode: 4 };
  assert.equal(
    await fixture.run(function* () {
      yield { fault };
    }),
    SIGSEGV,
  );
  let address = 0;
  await fixture.run(function* (cpu) {
    yield* onSignal(
      fixture,
      cpu,
      SIGSEGV,
      function* (inner) {
        address = inner.memory.readU64(Number(inner.gprs[6]) + 16) as number;
        yield ['exit_group', 0];
      },
      SA.SA_SIGINFO,
    );
    yield { fault };
  });
  assert.equal(address, 0xdead_0000);
});

test('threads share memory, meet at futexes, and end with the process', async () => {
  const fixture = new KernelFixture();
  const log: string[] = [];
  const flags =
    CLONE.CLONE_VM |
    CLONE.CLONE_FS |
    CLONE.CLONE_FILES |
    CLONE.CLONE_SIGHAND |
    CLONE.CLONE_THREAD |
    CLONE.CLONE_CHILD_CLEARTID |
    CLONE.CLONE_PARENT_SETTID;
  const status = await fixture.run(function* (cpu) {
    cpu.childScript = function* (inner) {
      inner.memory.writeU32(DATA, 1);
      log.push(`woke ${yield ['futex', DATA, 1, 1, 0, 0, 0]}`);
      yield ['exit', 0];
    };
    cpu.memory.writeU32(DATA + 8, 99);
    const tid = yield ['clone', flags, DATA + 0x8000, DATA + 4, DATA + 8, 0];
    assert.equal(cpu.memory.readU32(DATA + 4), tid);
    log.push(`wait ${yield ['futex', DATA, 0, 0, 0, 0, 0]}`);
    while ((cpu.memory.readU32(DATA + 8) as number) !== 0)
      yield ['futex', DATA + 8, 0, cpu.memory.readU32(DATA + 8) as number, 0, 0, 0];
    log.push('joined');
    yield ['exit_group', 9];
  });
  assert.equal(status, 9 << 8);
  assert.deepEqual(log, ['woke 1', 'wait 0', 'joined']);
});

test('a futex wait times out, and refuses a changed word', async () => {
  const fixture = new KernelFixture();
  const results: number[] = [];
  await fixture.run(function* (cpu) {
    results.push(yield ['futex', DATA, 0, 5, 0, 0, 0]);
    cpu.memory.writeU64(DATA + 16, 1);
    results.push(yield ['futex', DATA, 0, 0, DATA + 16, 0, 0]);
    results.push(yield ['futex', DATA + 1, 0, 0, 0, 0, 0]);
  });
  assert.deepEqual(results, [-11, -110, -22]);
});

test('execve replaces the program, closes what is marked, keeps the pid', async () => {
  const fixture = new KernelFixture();
  const log: number[] = [];
  fixture.program('/next', function* () {
    log.push(yield ['getpid']);
    log.push(yield ['fcntl', 0, 1, 0], yield ['fcntl', 1, 1, 0]);
    yield ['exit_group', 4];
  });
  const status = await fixture.run(function* (cpu) {
    yield ['pipe2', DATA, 0];
    yield ['fcntl', 1, 2, 1];
    cpu.memory.copyOut(DATA + 64, bytes('/next\0'));
    cpu.memory.copyOut(DATA + 96, bytes('/none\0'));
    cpu.memory.writeU64(DATA + 128, DATA + 64);
    log.push(yield ['execve', DATA + 96, DATA + 128, 0]);
    log.push(yield ['getpid']);
    yield ['execve', DATA + 64, DATA + 128, 0];
    assert.fail('not reached');
  });
  assert.equal(status, 4 << 8);
  assert.deepEqual(log, [-2, 2, 2, 0, -9]);
});

test('vfork holds the parent until the child execs', async () => {
  const fixture = new KernelFixture();
  const log: string[] = [];
  fixture.program('/next', function* () {
    yield ['getpid'];
    log.push('next');
  });
  await fixture.run(function* (cpu) {
    cpu.childScript = function* (inner) {
      log.push('child');
      inner.memory.copyOut(DATA, bytes('/next\0'));
      yield ['sched_yield'];
      log.push('child goes on');
      yield ['execve', DATA, 0, 0];
    };
    const child = yield ['vfork'];
    log.push('parent');
    yield ['wait4', child, 0, 0, 0];
  });
  assert.deepEqual(log.slice(0, 2), ['child', 'child goes on']);
  assert.deepEqual(log.slice(2).sort(), ['next', 'parent']);
});

test('scripts run through their interpreter with their arguments', async () => {
  const fixture = new KernelFixture();
  let argv = '';
  fixture.program('/interp', function* (cpu) {
    const rsp = Number(cpu.gprs[4]);
    const count = cpu.memory.readU64(rsp) as number;
    const words: string[] = [];
    for (let i = 0; i < count; i++) {
      const text = cpu.memory.readCString(cpu.memory.readU64(rsp + 8 + 8 * i) as number, 100);
      words.push(new TextDecoder().decode(text as Uint8Array));
    }
    argv = words.join('|');
    yield ['getpid'];
  });
  fixture.write('/script', bytes('#! /interp  -a b \nrest\n'));
  const group = fixture.kernel.spawn({
    path: '/script',
    argv: ['script', 'x'],
    env: [],
    fds: [],
    keepsStatus: true,
  });
  await fixture.kernel.run(() => group.isZombie);
  assert.equal(argv, '/interp|-a b|/script|x');
});

test('a program that cannot be started is named with the reason', () => {
  const fixture = new KernelFixture();
  const spawn = (path: string) => fixture.kernel.spawn({ path, argv: [path], env: [], fds: [] });
  fixture.write('/text', bytes('hello'));
  fixture.write('/none', bytes('#!/missing\n'));
  fixture.write('/plain', bytes('#!/text\n'), 0o644);
  const wrong = new Uint8Array(4096);
  wrong.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  fixture.write('/old', wrong);
  assert.throws(() => spawn('/absent'), /\/absent: No such file or directory/);
  assert.throws(() => spawn('/text'), /\/text is neither an ELF program nor a script/);
  assert.throws(() => spawn('/none'), /interpreter of \/none: \/missing: No such file/);
  assert.throws(() => spawn('/old'), /\/old is a 32-bit program/);
});

test('orphans go to init, and SIGCHLD carries the status', async () => {
  const fixture = new KernelFixture();
  const log: number[] = [];
  await fixture.run(function* (cpu) {
    yield* onSignal(
      fixture,
      cpu,
      SIGCHLD,
      function* (inner) {
        const info = Number(inner.gprs[6]);
        log.push(
          inner.memory.readI32(info + 8) as number,
          inner.memory.readI32(info + 24) as number,
        );
        yield ['getpid'];
      },
      SA.SA_SIGINFO,
    );
    yield* fork(cpu, function* (inner) {
      yield* fork(inner, function* (last) {
        last.memory.writeU64(DATA, 1);
        yield ['nanosleep', DATA, 0];
        log.push(yield ['getppid']);
      });
      yield ['exit_group', 6];
    });
    yield ['wait4', -1, 0, 0, 0];
    cpu.memory.writeU64(DATA, 3);
    yield ['nanosleep', DATA, 0];
  });
  assert.deepEqual(log, [1, 6, 1]);
});

test('kill checks permissions and process groups', async () => {
  const fixture = new KernelFixture();
  const results: number[] = [];
  await fixture.run(function* (cpu) {
    const child = yield* fork(cpu, function* (inner) {
      yield ['setuid', 1000];
      results.push(yield ['kill', yield ['getppid'], SIGTERM]);
      inner.memory.writeU64(DATA, 9);
      yield ['nanosleep', DATA, 0];
    });
    cpu.memory.writeU64(DATA, 1);
    yield ['nanosleep', DATA, 0];
    results.push(yield ['setpgid', child, 0], yield ['kill', -child, SIGTERM]);
    yield ['wait4', child, CHILD, 0, 0];
    results.push(cpu.memory.readU32(CHILD) as number, yield ['kill', child, 0]);
  });
  assert.deepEqual(results, [-1, 0, 0, SIGTERM, -3]);
});

test('a process that forks without end meets the limit', async () => {
  const fixture = new KernelFixture({ maxTasks: 8 });
  let last = 0;
  await fixture.run(function* (cpu) {
    for (let i = 0; i < 20 && last >= 0; i++)
      last = yield* fork(cpu, function* () {
        yield ['pause'];
      });
    yield ['kill', -1, SIGKILL];
  });
  assert.equal(last, -11);
});

test('missing calls answer ENOSYS and are logged once', async () => {
  const fixture = new KernelFixture();
  const results: number[] = [];
  await fixture.run(function* () {
    for (let i = 0; i < 2; i++) results.push(yield ['io_uring_setup', 0, 0]);
  });
  assert.deepEqual(results, [-38, -38]);
  assert.equal(fixture.host.lines.filter((line) => line.includes('io_uring_setup')).length, 1);
});

test('a task of a higher real-time priority runs at once', async () => {
  const fixture = new KernelFixture();
  const log: string[] = [];
  await fixture.run(function* (cpu) {
    cpu.memory.writeU32(DATA, 10);
    yield ['sched_setscheduler', 0, 1, DATA];
    cpu.childScript = function* () {
      log.push('child');
      yield ['getpid'];
    };
    const child = yield ['fork'];
    yield ['getpid'];
    log.push('parent');
    cpu.memory.writeU32(DATA, 20);
    yield ['sched_setparam', child, DATA];
    log.push('parent goes on');
    yield ['wait4', child, 0, 0, 0];
  });
  assert.deepEqual(log, ['parent', 'child', 'parent goes on']);
});

test('a new task is through with its preparations before younger ones run', async () => {
  const fixture = new KernelFixture();
  const log: string[] = [];
  await fixture.run(function* (cpu) {
    cpu.childScript = function* () {
      yield 'preempted';
      yield 'preempted';
      log.push('first is ready');
      for (let i = 0; i < 4; i++) yield 'preempted';
      log.push('first ends');
    };
    yield ['fork'];
    cpu.childScript = function* () {
      log.push('second');
      yield ['getpid'];
    };
    yield ['fork'];
    yield ['wait4', 0xffff_ffff, 0, 0, 0];
    yield ['wait4', 0xffff_ffff, 0, 0, 0];
  });
  assert.deepEqual(log, ['first is ready', 'second', 'first ends']);
});
