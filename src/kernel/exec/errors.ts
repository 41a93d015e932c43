/** Failures of starting a program, towards guests (errno) and people (message). */

import type { Errno } from '../../abi/errno.table.ts';

/** Why a program cannot be started. */
export class ExecFailure {
  readonly errno: Errno;
  /** What is wrong with which file: "/bin/x is for another machine (AArch64), not x86-64". */
  readonly message: string;

  constructor(errno: Errno, message: string) {
    this.errno = errno;
    this.message = message;
  }
}

/** Thrown by `kernel.spawn` when the first program of an instance cannot be started. */
export class SpawnError extends Error {
  readonly code = 'CLOISTER_SPAWN';
  readonly errno: Errno;

  constructor(failure: ExecFailure) {
    super(failure.message);
    this.name = 'SpawnError';
    this.errno = failure.errno;
  }
}
