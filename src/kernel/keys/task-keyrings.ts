/**
 * The keyrings of a task: its own, that of its process, its session's (keyrings(7)). A fork shares
 * the session's; an execve gives up the others.
 */

import type { Key } from './key.ts';

/** One a process, for its threads. */
export interface ProcessKeyring {
  key: Key | undefined;
}

export class TaskKeyrings {
  thread: Key | undefined = undefined;
  session: Key | undefined = undefined;
  shared: ProcessKeyring = { key: undefined };
  /** KEY_REQKEY_DEFL. */
  requestTarget = 0;

  /** Those of a new task; `isThread`: of the same process. */
  forChild(isThread: boolean): TaskKeyrings {
    const child = new TaskKeyrings();
    child.session = this.session?.retain();
    child.requestTarget = this.requestTarget;
    if (isThread) child.shared = this.shared;
    return child;
  }

  setSession(key: Key): void {
    key.retain();
    this.session?.release();
    this.session = key;
  }

  /** execve(2). */
  leaveProgram(): void {
    this.thread?.release();
    this.thread = undefined;
    this.endProcess();
    this.shared = { key: undefined };
  }

  /** The last thread of the process is gone. */
  endProcess(): void {
    this.shared.key?.release();
    this.shared.key = undefined;
  }

  /** The task is gone. */
  leave(): void {
    this.thread?.release();
    this.thread = undefined;
    this.session?.release();
    this.session = undefined;
  }
}
