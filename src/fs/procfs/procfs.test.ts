import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O_PATH, O_RDONLY } from '../../abi/file-flags.ts';
import type { SystemView, TaskSource, TaskView } from '../../vfs/task-view.ts';
import { Fixture } from '../../vfs/testing/fixture.ts';
import { Procfs } from './procfs.ts';

const ENOENT = 2;

/** A /proc where processes come and go. */
function fixture() {
  const outer = new Fixture();
  const live = new Map<number, TaskView>();
  const listeners: ((pid: number) => void)[] = [];
  const tasks = {
    find: (tid: number) => live.get(tid),
    processes: () => [...live.values()],
    whenGone: (listener: (pid: number) => void) => void listeners.push(listener),
  } as unknown as TaskSource;
  const begin = (pid: number, startNs: number): void => {
    const identity = { uids: [0, pid, 0, 0], gids: [0, pid, 0, 0] };
    const task = { tid: pid, pid, times: { startNs }, identity, isLeader: true };
    live.set(pid, task as unknown as TaskView);
  };
  const end = (pid: number): void => {
    live.delete(pid);
    for (const listener of listeners) listener(pid);
  };
  assert.equal(outer.mkdir('/proc'), 0);
  const procfs = new Procfs(outer.clock, outer.vfs, tasks, {} as SystemView);
  const place = outer.mustOpen('/proc', O_RDONLY);
  const mount = outer.vfs.makeMount(procfs, undefined, 'proc', 0);
  outer.vfs.attach(mount, place);
  return { outer, begin, end, names: () => [...(mount.root.children?.keys() ?? [])] };
}

test('a process that is no more leaves nothing behind in /proc', () => {
  const { outer, begin, end, names } = fixture();
  for (let pid = 100; pid < 200; pid++) {
    begin(pid, pid);
    outer.mustOpen(`/proc/${pid}/comm`, O_PATH).release();
    end(pid);
  }
  assert.deepEqual(names(), []);
  assert.equal(outer.open('/proc/150', O_PATH), -ENOENT);
});

test('a folder of /proc that is open stays until it is closed; its number may come again', () => {
  const { outer, begin, end, names } = fixture();
  begin(7, 1);
  const first = outer.mustOpen('/proc/7', O_PATH);
  end(7);
  assert.deepEqual(names(), ['7']);
  begin(7, 2);
  const second = outer.mustOpen('/proc/7', O_PATH);
  assert.notEqual(first.inode, second.inode);
  assert.equal(second.inode.uid, 7);
  first.release();
  second.release();
  end(7);
  assert.deepEqual(names(), []);
});
