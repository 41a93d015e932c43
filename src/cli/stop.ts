/** `cloister stop`: ends an instance, gently first. */

import type { Command } from 'commander';
import { printJson, reporting } from './report.ts';

interface Options {
  readonly signal: string;
  readonly time: string;
  readonly json?: boolean;
}

/** How long an instance whose program was killed may take to put its volumes in order. */
const CLOSE_MS = 10_000;
const POLL_MS = 25;

export function register(program: Command): void {
  program
    .command('stop')
    .description('stop an instance: a signal to its program, SIGKILL after a while')
    .argument('<name>', 'the instance')
    .option('-s, --signal <SIGNAL>', 'the first signal', 'SIGTERM')
    .option('-t, --time <SECONDS>', 'how long the program may take after it', '10')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  cloister stop --time 30 web\n')
    .action(reporting(stop));
}

async function stop(name: string, options: Options): Promise<void> {
  const { killInstance, readInstance } = await import('../host/instance-folder.ts');
  const { askInstance, runningInstance } = await import('./instance-client.ts');
  const { parseSeconds, parseSignal } = await import('./signal-options.ts');
  const signal = parseSignal(options.signal);
  const graceMs = parseSeconds('--time', options.time) * 1000;
  const instance = runningInstance(name);

  const hasEnded = async (withinMs: number): Promise<boolean> => {
    const until = performance.now() + withinMs;
    while (readInstance(name)?.isAlive) {
      if (performance.now() >= until) return false;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return true;
  };
  // One that does not answer is starting, ending, or in trouble: waiting tells.
  const send = (number: number): Promise<unknown> =>
    askInstance(instance, { op: 'signal', signal: number }, 'done').catch(() => undefined);

  await send(signal);
  if (!(await hasEnded(graceMs))) {
    await send(9);
    if (!(await hasEnded(CLOSE_MS))) killInstance(instance);
    await hasEnded(CLOSE_MS);
  }
  const exitStatus = readInstance(name)?.record?.exitStatus ?? null;
  if (options.json) printJson({ name, exitStatus });
}
