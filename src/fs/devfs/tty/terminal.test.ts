import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN } from '../../../abi/errno.table.ts';
import { POLLIN } from '../../../abi/poll-events.ts';
import { ECHO, ICANON, ISIG, VMIN } from '../../../abi/terminal.ts';
import type { JobControl } from '../../../vfs/job-control.ts';
import { Terminal } from './terminal.ts';

function setup() {
  let output = '';
  const signals: [number, number][] = [];
  const jobs = {
    signalGroup: (group: number, signal: number) => signals.push([group, signal]),
  } as unknown as JobControl;
  const terminal = new Terminal(1, jobs, {
    room: 4096,
    write: (bytes) => {
      output += String.fromCharCode(...bytes);
    },
    inputDrained: () => undefined,
    control: () => undefined,
  });
  terminal.attach(1, 7);
  const type = (text: string) => {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    terminal.receive(bytes, 0, bytes.length);
  };
  const read = (length = 100): string | number => {
    const target = new Uint8Array(length);
    const count = terminal.read(target, 0, length);
    return count < 0 ? count : String.fromCharCode(...target.subarray(0, count));
  };
  return { terminal, type, read, signals, shown: () => output };
}

test('a line is readable once it is complete, edited and echoed', () => {
  const { type, read, shown, terminal } = setup();
  type('helo\x7flo\r');
  assert.equal(terminal.poll() & POLLIN, POLLIN);
  assert.equal(read(3), 'hel');
  assert.equal(read(), 'lo\n');
  assert.equal(read(), -EAGAIN);
  assert.equal(shown(), 'helo\b \blo\r\n');
});

test('word erase, kill and literal next', () => {
  const { type, read } = setup();
  type('one two  \x17three\n');
  assert.equal(read(), 'one three\n');
  type('gone\x15kept\n');
  assert.equal(read(), 'kept\n');
  type('\x16\x03\n');
  assert.equal(read(), '\x03\n');
});

test('end of file gives what is there, and nothing on an empty line', () => {
  const { type, read } = setup();
  type('ab\x04');
  assert.equal(read(), 'ab');
  assert.equal(read(), -EAGAIN);
  type('\x04');
  assert.equal(read(), '');
});

test('signal characters reach the foreground group and drop the line', () => {
  const { type, read, signals, shown } = setup();
  type('abc\x03\x1a\x1c');
  assert.deepEqual(signals, [
    [7, 2],
    [7, 20],
    [7, 3],
  ]);
  assert.equal(shown(), 'abc^C^Z^\\');
  assert.equal(read(), -EAGAIN);
});

test('raw mode passes bytes on as they come, VMIN at a time', () => {
  const { type, read, terminal, shown } = setup();
  terminal.termios.lflag &= ~(ICANON | ECHO | ISIG);
  terminal.termios.cc[VMIN] = 2;
  type('\x03');
  assert.equal(read(), -EAGAIN);
  type('x');
  assert.equal(read(), '\x03x');
  assert.equal(shown(), '');
});

test('output gets its carriage returns, and stops at ^S until ^Q', () => {
  const { terminal, type, shown } = setup();
  const bytes = Uint8Array.from('a\nb', (c) => c.charCodeAt(0));
  assert.equal(terminal.write(bytes, 0, 3), 3);
  assert.equal(shown(), 'a\r\nb');
  type('\x13');
  assert.equal(terminal.write(bytes, 0, 3), -EAGAIN);
  type('\x11');
  assert.equal(terminal.write(bytes, 0, 3), 3);
});
