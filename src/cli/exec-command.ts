/** What `cloister exec` does: starts the process, passes its streams through, gives its status. */

import type { HostTerminal } from '../fs/devfs/tty/host-terminal.ts';
import { forwardSignals } from '../host/forward-signals.ts';
import { inheritedStream } from '../host/stdio.ts';
import { isTerminal, ownTerminal } from '../host/terminal.ts';
import { ExecClient } from '../runtime/control/client.ts';
import type { ExecRequest } from '../runtime/control/messages.ts';
import { usageError } from './errors.ts';
import type { ExecOptions } from './exec.ts';
import { exitStatusOf } from './exit-status.ts';
import { connectTo, runningInstance } from './instance-client.ts';
import { parseEnv, parseUser, parseWorkdir } from './run-options.ts';

export async function execCommand(
  name: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<void> {
  const request = requestOf(command, options);
  const instance = runningInstance(name);
  const terminal = options.tty ? await terminalOf(options) : undefined;
  const connection = await connectTo(instance);
  const size = terminal?.size();
  const client = new ExecClient(
    connection,
    size === undefined ? request : { ...request, terminal: { rows: size[0], columns: size[1] } },
    {
      onOutput(bytes, isError) {
        if (terminal !== undefined) terminal.write(bytes);
        else writeAll(isError ? 2 : 1, bytes);
      },
      onRoom: () => process.stdin.resume(),
    },
  );
  forwardSignals((signal) => client.tell({ event: 'signal', signal }));
  if (terminal !== undefined) attend(terminal, client);
  else if (options.interactive) passInput(client);
  try {
    const status = exitStatusOf(await client.ended);
    terminal?.stop();
    process.exit(status);
  } finally {
    terminal?.stop();
    process.stdin.destroy();
  }
}

const SIGPIPE_STATUS = 128 + 13;

/** Waits for whoever reads: Node.js would keep what they do not take, and forget it at the end. */
function writeAll(fd: number, bytes: Uint8Array): void {
  const stream = inheritedStream(fd, () => undefined);
  for (let at = 0; stream !== undefined && at < bytes.length; ) {
    const count = stream.write(bytes, at, bytes.length - at);
    if (count < 0) process.exit(SIGPIPE_STATUS);
    at += count;
  }
}

function requestOf(command: readonly string[], options: ExecOptions): ExecRequest {
  if (command.length === 0) throw usageError('no program given: cloister exec NAME -- PROGRAM');
  const variables = (options.env ?? []).map((text) => parseEnv(text, process.env));
  const { user, workdir } = options;
  return {
    op: 'exec',
    command: [...command],
    environment: variables.flatMap((pair) => (pair === undefined ? [] : [[pair[0], pair[1]]])),
    ...(workdir === undefined ? {} : { workingDir: parseWorkdir(workdir) }),
    ...(user === undefined ? {} : { user: parseUser(user) }),
    hasInput: options.interactive === true,
  };
}

async function terminalOf({ interactive }: ExecOptions): Promise<HostTerminal> {
  if (!isTerminal(0)) throw usageError('-t: the input device is not a TTY');
  if (!interactive) throw usageError('-t: a terminal that nothing is typed at; give -it');
  const { createNativeHost } = await import('../host/native/native-host.ts');
  const terminal = ownTerminal(createNativeHost().ioctl, () => undefined);
  if (terminal === undefined) throw usageError('-t: the input device is not a TTY');
  return terminal;
}

function attend(terminal: HostTerminal, client: ExecClient): void {
  terminal.start({
    onInput: (bytes) => client.write(bytes.slice()),
    onResize() {
      const [rows, columns] = terminal.size();
      client.tell({ event: 'resize', rows, columns });
    },
    onRoom: () => undefined,
    onEnd: () => client.endInput(),
  });
}

function passInput(client: ExecClient): void {
  const { stdin } = process;
  stdin.on('data', (bytes: Uint8Array) => {
    if (!client.write(bytes)) stdin.pause();
  });
  stdin.once('end', () => client.endInput());
  // As if it had ended: what came was passed on.
  stdin.once('error', () => client.endInput());
}
