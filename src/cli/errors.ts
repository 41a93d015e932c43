/** Errors of the command line, and the exit codes of `run` and `exec`. */

/**
 * `run` and `exec` give the guest's own status (128 + signal when killed); what Cloister has to say
 * itself uses the numbers of Docker and Podman.
 */
export const RUN_STATUS = { failed: 125, notExecutable: 126, notFound: 127 } as const;

/** What went wrong, where, and what to do: shown as it is, without a stack. */
export class CommandError extends Error {
  readonly code: string;
  /** Instead of the status that belongs to `code`. */
  readonly exitStatus: number | undefined;

  constructor(code: string, message: string, exitStatus?: number) {
    super(message);
    this.code = code;
    this.exitStatus = exitStatus;
  }
}

/** The command line itself is wrong: status 2. */
export const usageError = (message: string): CommandError =>
  new CommandError('CLOISTER_USAGE', message);
