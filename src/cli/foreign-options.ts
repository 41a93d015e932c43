/** Options of Docker and Podman that Cloister does not have: refused by name, with what to do. */

import { type Command, Option } from 'commander';
import { usageError } from './errors.ts';

/** `flags` as commander reads them; `instead`: what serves here. */
const FOREIGN = [
  {
    flags: '-d, --detach',
    instead: 'cloister start runs a program in the background',
  },
  { flags: '--name <NAME>', instead: 'an instance has a name: cloister start --name NAME' },
  { flags: '--init', instead: 'name an init of your own: cloister run … -- INIT PROGRAM' },
  { flags: '--privileged', instead: 'guests have no access to the host that could be widened' },
  { flags: '--cap-add <CAP>', instead: 'guests have no access to the host that could be widened' },
  { flags: '--cap-drop <CAP>', instead: 'run as another user: -u UID:GID' },
  { flags: '--security-opt <OPT>', instead: 'the sandbox is always on' },
  { flags: '--device <DEVICE>', instead: 'guests have no devices of the host' },
  { flags: '--gpus <GPUS>', instead: 'guests have no devices of the host' },
  { flags: '--restart <POLICY>', instead: 'let a service manager start it again' },
  { flags: '--pull <POLICY>', instead: 'images are folders: cloister run --image DIR' },
  { flags: '--platform <PLATFORM>', instead: 'guests are x86-64 Linux programs' },
  { flags: '-l, --label <LABEL>', instead: 'labels belong to an image: cloister build' },
  { flags: '--ulimit <LIMIT>', instead: 'limits: in cloister.yaml, or `ulimit` inside' },
  { flags: '--pids-limit <N>', instead: 'limits: { processes: N } in cloister.yaml' },
  { flags: '--add-host <HOST>', instead: 'mount a file over it: -v FILE:/etc/hosts:ro' },
  { flags: '--dns <ADDRESS>', instead: 'mount a file over it: -v FILE:/etc/resolv.conf:ro' },
] as const;

/** `own`: attributes that the command has itself. */
export function withForeignOptions(command: Command, own: readonly string[] = []): Command {
  for (const { flags } of FOREIGN) {
    const option = new Option(flags).hideHelp();
    if (!own.includes(option.attributeName())) command.addOption(option);
  }
  return command;
}

/** Throws a usage error that names the first of them that was given. */
export function refuseForeignOptions(given: Readonly<Record<string, unknown>>): void {
  for (const { flags, instead } of FOREIGN) {
    const option = new Option(flags);
    if (given[option.attributeName()] === undefined) continue;
    throw usageError(`${option.long}: cloister run does not have it; ${instead}`);
  }
}
