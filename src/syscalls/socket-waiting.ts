/** How calls on sockets wait: their own time limits, MSG_DONTWAIT, what signals make of them. */

import { EAGAIN } from '../abi/errno.table.ts';
import { MSG } from '../abi/socket.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import type { SocketFile } from '../net/socket-file.ts';
import { isNonBlocking } from './file-support.ts';

/** Repeats `attempt` while it answers -EAGAIN, unless the socket or the call must not block. */
export function untilReady(
  task: Task,
  socket: SocketFile,
  flags: number,
  timeoutNs: number,
  attempt: () => number,
  soFar: () => number = () => 0,
): number {
  const first = attempt();
  if (first !== -EAGAIN || isNonBlocking(socket) || (flags & MSG.MSG_DONTWAIT) !== 0) {
    return first === -EAGAIN ? soFar() || first : first;
  }
  socket.retain();
  const end = (result: number): number => {
    socket.release();
    return result;
  };
  const partial = (otherwise: number) => () => {
    const done = soFar();
    return end(done > 0 ? done : otherwise);
  };
  return task.sleep({
    queues: [socket.waitQueue],
    attempt: () => {
      const result = attempt();
      return result === -EAGAIN ? BLOCKED : end(result);
    },
    deadlineNs: task.kernel.nowNs() + timeoutNs,
    timedOut: partial(-EAGAIN),
    interrupted: partial(-ERESTARTSYS),
    abandoned: () => socket.release(),
    reason: 'sock_wait',
  });
}
