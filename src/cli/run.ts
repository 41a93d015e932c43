/** `cloister run`: runs a program and gives its exit status. */

import type { Command } from 'commander';
import { refuseForeignOptions, withForeignOptions } from './foreign-options.ts';
import { collect, type TrustOptions, withTrustOptions } from './options.ts';
import { reportingRun } from './report.ts';

export interface RunOptions extends TrustOptions {
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly volume?: readonly string[];
  readonly mount?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly readOnly?: boolean;
  readonly hostname?: string;
  readonly entrypoint?: string;
  readonly workdir?: string;
  readonly user?: string;
  readonly memory?: string;
  readonly cpus?: string;
  readonly network?: string;
  readonly publish?: readonly string[];
  readonly rootfs?: string;
  readonly rootfsRw?: boolean;
  readonly image?: string;
  readonly strace?: boolean;
  readonly profile?: string;
  readonly perfMap?: boolean;
  readonly stats?: boolean;
  readonly statsFile?: string;
  readonly aslr: boolean;
  readonly scheduleSeed?: string;
  readonly evidence?: string;
  readonly nonce?: string;
  readonly kbs?: string;
  readonly kbsKey?: string;
  readonly secret?: readonly string[];
  readonly collateral?: string;
  readonly pccs?: string;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly verbose?: boolean;
}

export function register(program: Command): void {
  const run = program
    .command('run')
    .description('run a program: of a sealed image, of a prepared root, or of this machine')
    .argument('[command...]', 'program and its arguments (default: the command of the image)')
    .option('--rm', 'leave nothing behind (it never does)');
  withRunOptions(run)
    .addHelpText(
      'after',
      '\nExit status: the program’s own, 128 + signal when it was killed; 125 when Cloister\n' +
        'failed or refused, 126 when the program cannot be executed, 127 when it is not there.\n' +
        '\nExamples:\n' +
        "  cloister run -- /usr/bin/python3 -c 'print(1)'\n" +
        '  cloister run -v "$PWD:/w" -w /w -- ./test arg\n' +
        '  cloister run --image ./image --signer release.pub\n',
    )
    .action(
      reportingRun(async (command: string[], options: RunOptions) => {
        refuseForeignOptions({ ...options });
        await refuseUnfitMachine();
        const { runCommand } = await import('./run-command.ts');
        await runCommand(command, options);
      }),
    );
  withForeignOptions(run);
}

/** The options of `run` that `start` has too; what follows the program is the program's. */
export function withRunOptions(command: Command): Command {
  return withTrustOptions(command)
    .option('-e, --env <NAME[=VALUE]>', 'set a variable, or take it from here', collect)
    .option('--env-file <FILE>', 'set the variables of a file: NAME=VALUE or NAME a line', collect)
    .option('-v, --volume <HOST:GUEST[:ro]>', 'mount a host folder or file', collect)
    .option(
      '--mount <SPEC>',
      'type=sealed,source=VOL,target=DIR,key-file=FILE[,anchor=broker|tpm:PLACE|FILE]',
      collect,
    )
    .option('--tmpfs <DIR[:OPTIONS]>', 'an empty folder in memory; size=64m,mode=1777', collect)
    .option('--read-only', 'mount the root read-only')
    .option('-w, --workdir <DIR>', 'working directory inside; made when it is missing')
    .option('-u, --user <UID[:GID]>', 'user and group inside (default 0:0)')
    .option('-i, --interactive', 'standard input is open (it always is); alone: no terminal')
    .option('-t, --tty', 'give the guest a terminal (default: when in and output are one)')
    .option('--hostname <NAME>', 'what the guest is told as its host name')
    .option('--entrypoint <PROGRAM>', 'program that gets the command as its arguments')
    .option('-m, --memory <SIZE>', 'limit of guest memory, such as 512m')
    .option('--cpus <N>', 'processors inside, used at the same time (default 1)')
    .option('--network <none|host>', 'none (default) has loopback only')
    .option(
      '-p, --publish <[ADDRESS:]HOST:GUEST[/udp]>',
      'let a port of this host lead to a port of the guest',
      collect,
    )
    .option('--image <DIR>', 'image to run (default: ./image of a project)')
    .option('--rootfs <DIR>', 'a prepared folder as root; changes stay in memory')
    .option('--rootfs-rw', 'with --rootfs: write changes to the folder')
    .option('--strace', 'print every system call to standard error')
    .option('--profile <FILE>', 'sample where guests spend processor time: a .cpuprofile file')
    .option('--perf-map', 'name translated code for perf(1), in /tmp/perf-PID.map')
    .option('--stats', 'print at the end what was translated, why code was left, time of calls')
    .option('--stats-file <FILE>', 'write that as JSON')
    .option('--no-aslr', 'switch address space layout randomisation off')
    .option('--schedule-seed <N>', 'explore another interleaving of tasks for each number')
    .option('--evidence <FILE>', 'write evidence of this run before it starts')
    .option('--nonce <HEX>', "with --evidence: the relying party's challenge")
    .option('--kbs <URL>', 'key broker to attest to before the program starts')
    .option('--kbs-key <KEY>', 'its key, ed25519:…, as `cloister kbs list` shows it')
    .option('--secret <NAME=ID>', 'a secret of the broker, at /dev/attestation/keys/NAME', collect)
    .option('--collateral <DIR>', 'bundles that peers’ Intel evidence is judged by')
    .option('--pccs <URL>', 'or the caching service that has them')
    .option('--verbose', 'log what Cloister does')
    .passThroughOptions();
}

/** Another Node.js, system or processor: said before anything that needs them is loaded. */
export async function refuseUnfitMachine(): Promise<void> {
  const { mayRunGuests, whyGuestsCannotRun } = await import('../host/doctor.ts');
  if (mayRunGuests()) return;
  const { CommandError } = await import('./errors.ts');
  throw new CommandError('CLOISTER_MACHINE', `guests cannot run here: ${whyGuestsCannotRun()}`);
}
