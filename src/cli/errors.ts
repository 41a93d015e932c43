/** Errors towards people, and the exit codes of the command. */

/** Exit codes; `run` and `exec` otherwise give the guest's own (128 + signal when killed). */
export const EXIT_CODE = {
  ok: 0,
  /** The command did its work and the answer is no (verify, check, doctor). */
  negative: 1,
  usage: 2,
  /** As Docker and Podman: Cloister itself failed; program not executable; program not found. */
  failed: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

/** What went wrong, where, and what to do: shown as it is, without a stack. */
export class CommandError extends Error {
  readonly code: string;
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_CODE.failed, code = 'COMMAND') {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** Prints an error for people and returns the exit code to leave with. */
export function reportError(error: unknown): number {
  if (error instanceof CommandError) {
    console.error(`cloister: ${error.message}`);
    return error.exitCode;
  }
  const known = error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
  if (known) {
    console.error(`cloister: ${(error as Error).message}`);
    return EXIT_CODE.failed;
  }
  console.error('cloister: internal error; please report it:');
  console.error(error instanceof Error ? error.stack : String(error));
  return EXIT_CODE.failed;
}
