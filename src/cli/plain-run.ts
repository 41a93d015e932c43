/**
 * Reads the plain spellings of `cloister run [OPTION VALUE]… [--] PROGRAM …`, without the parser of
 * command lines, which takes longer to load than a small program takes to run. Whatever it does not
 * know — another spelling, a measured run, a mistake — is left to `run.ts`, which decides; what it
 * reads, it reads as `run.ts` does (plain-run.test.ts compares both).
 */

import type { RunOptions } from './run.ts';

type Name = keyof RunOptions;

const REPEATED: Readonly<Record<string, Name>> = {
  '-e': 'env',
  '--env': 'env',
  '--env-file': 'envFile',
  '-v': 'volume',
  '--volume': 'volume',
  '--tmpfs': 'tmpfs',
  '--mount': 'mount',
};

/** Of a volume: a TPM is spoken to by a worker, a broker by measured runs only. */
const FAR_ANCHOR = /(^|,)anchor=(broker|tpm:)/;

const WITH_VALUE: Readonly<Record<string, Name>> = {
  '-w': 'workdir',
  '--workdir': 'workdir',
  '-u': 'user',
  '--user': 'user',
  '-m': 'memory',
  '--memory': 'memory',
  '--cpus': 'cpus',
  '--hostname': 'hostname',
  '--entrypoint': 'entrypoint',
  '--network': 'network',
  '--rootfs': 'rootfs',
  '--schedule-seed': 'scheduleSeed',
};

const FLAGS: Readonly<Record<string, readonly Name[]>> = {
  '-i': ['interactive'],
  '--interactive': ['interactive'],
  '-t': ['tty'],
  '--tty': ['tty'],
  '-it': ['interactive', 'tty'],
  '-ti': ['tty', 'interactive'],
  '--read-only': ['readOnly'],
  '--rootfs-rw': ['rootfsRw'],
  '--strace': ['strace'],
  '--verbose': ['verbose'],
};

export interface PlainRun {
  readonly command: readonly string[];
  readonly options: RunOptions;
}

/** `argv` behind `run`. Undefined: not plain. */
export function readPlainRun(argv: readonly string[]): PlainRun | undefined {
  const options: Partial<Record<Name, string | string[] | boolean>> = { aslr: true };
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (!word.startsWith('-')) break;
    if (word === '--') {
      at++;
      break;
    }
    if (word === '--no-aslr') options.aslr = false;
    else if (Object.hasOwn(FLAGS, word)) for (const name of FLAGS[word] ?? []) options[name] = true;
    else {
      const value = argv[++at];
      if (value === undefined || value.startsWith('-')) return undefined;
      if (Object.hasOwn(WITH_VALUE, word)) options[WITH_VALUE[word] as Name] = value;
      else if (Object.hasOwn(REPEATED, word)) {
        const name = REPEATED[word] as Name;
        options[name] = [...((options[name] as string[] | undefined) ?? []), value];
      } else return undefined;
    }
  }
  const command = argv.slice(at);
  if ((options['mount'] as string[] | undefined)?.some((m) => FAR_ANCHOR.test(m))) return undefined;
  // The host's network is no part of a quick start.
  if (options.network !== undefined && options.network !== 'none') return undefined;
  // A second `--`, or an option where the program is due: the parser knows what that means.
  if (command.length === 0 || command[0]?.startsWith('-') || command.includes('--'))
    return undefined;
  return { command, options: options as unknown as RunOptions };
}
