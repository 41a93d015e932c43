/** Both processes of `cloister start`: the one that the user called, and the one that stays. */

import { flushCompileCache } from 'node:module';
import { listenForControl } from '../host/control-socket.ts';
import { reportReady, startDetached } from '../host/detached.ts';
import { forwardSignals } from '../host/forward-signals.ts';
import {
  claimInstance,
  findInstance,
  ownProcess,
  removeInstance,
  writeRecord,
} from '../host/instance-folder.ts';
import { OutputLog } from '../host/output-log.ts';
import { inheritedStream } from '../host/stdio.ts';
import { ownUsage } from '../host/usage.ts';
import { ControlServer } from '../runtime/control/server.ts';
import { RUN_STATUS, usageError } from './errors.ts';
import { exitStatusOf } from './exit-status.ts';
import { refuseForeignOptions } from './foreign-options.ts';
import { printJson, printLine, reportError } from './report.ts';
import { type Assembled, assemble, started } from './run-command.ts';
import { parseBytes } from './run-options.ts';
import type { StartOptions } from './start.ts';

/** A client that takes nothing cannot hold the end of an instance up. */
const CLOSE_MS = 5000;
const DEFAULT_LOG_BYTES = 16 * 2 ** 20;

export async function startCommand(
  command: readonly string[],
  options: StartOptions,
): Promise<void> {
  if (options.serve !== undefined) await serve(options.serve, command, options);
  else await startInBackground(command, options);
}

async function startInBackground(command: readonly string[], options: StartOptions): Promise<void> {
  refuseForeignOptions({ ...options, name: undefined, detach: undefined });
  if (options.tty || options.interactive)
    throw usageError('-i, -t: an instance has no terminal of its own; cloister exec -it NAME has');
  logBytesOf(options);
  const folder = claimInstance(options.name, {
    ...{ version: 1, ...ownProcess(), startedAt: new Date().toISOString(), command: [...command] },
    ...{ image: null, exitStatus: null, endedAt: null },
  });
  const { name } = folder;
  // What this command got; `--serve` makes it the other process.
  const args = ['start', '--serve', name, ...process.argv.slice(3)];
  const result = await startDetached(folder.path, args);
  if ('exitStatus' in result) {
    removeInstance(folder);
    process.stderr.write(result.text);
    process.exitCode = result.exitStatus;
  } else if (options.json) printJson({ name, pid: result.pid });
  else printLine(name);
}

function logBytesOf({ logSize }: StartOptions): number {
  return logSize === undefined ? DEFAULT_LOG_BYTES : parseBytes('--log-size', logSize);
}

/** The process in the background, from its start to its end. */
async function serve(
  name: string,
  command: readonly string[],
  options: StartOptions,
): Promise<void> {
  const { path, record } = findInstance(name);
  if (record === undefined) throw usageError('--serve: for the use of cloister start itself');
  const log = new OutputLog(path, logBytesOf(options));
  const logger = {
    log(level: string, message: string) {
      if (options.verbose || level === 'error' || level === 'warn')
        log.print(`cloister: ${message}`);
    },
  };
  const assembled = await assemble(command, options, logger, (_native, host) => ({
    streams: [inheritedStream(0, host.countPending), log.stream(), log.stream()],
    printTrace: (line) => log.print(line),
  }));
  const { instance, native, plan, image, doors } = assembled;
  assembled.attestation?.measureNow();
  const running = {
    ...{ ...record, ...ownProcess() },
    ...{ command: [...plan.argv], image: image?.measurement ?? null },
  };
  writeRecord(path, running);
  forwardSignals((signal) => instance.signal(signal));
  const ended = started(instance, doors);
  // A program that cannot be started is known at once.
  await Promise.race([ended, new Promise((resolve) => setImmediate(resolve))]);
  const server = controlServer(assembled, logger);
  let status: number = RUN_STATUS.failed;
  try {
    const listening = await listenForControl(path, (connection) => server.accept(connection));
    await reportReady();
    status = exitStatusOf(await ended);
    assembled.tools?.finish();
    listening.close();
  } catch (error) {
    // Standard error is the crash log.
    reportError(error);
  }
  writeRecord(path, { ...running, exitStatus: status, endedAt: new Date().toISOString() });
  await Promise.race([server.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
  if (options.rm) removeInstance(findInstance(name));
  process.emit('exit', status);
  flushCompileCache();
  native.exit(status);
}

function controlServer(
  { instance, plan, image, attestation }: Assembled,
  logger: ConstructorParameters<typeof ControlServer>[0]['logger'],
): ControlServer {
  return new ControlServer({
    ...{ instance, plan, logger, usage: ownUsage, config: image?.config },
    evidence: attestation && ((nonce) => attestation.source.quote(nonce)),
  });
}
