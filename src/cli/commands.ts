/** The sub-commands: one row each; a module is loaded only when its command is called. */

import type { Command } from 'commander';

export interface CommandModule {
  /** Adds the command with its options and action to `program`. */
  register(program: Command): void;
}

export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'run',
    summary: 'run a program: of a sealed image, a prepared root, or this machine',
    load: () => import('./run.ts'),
  },
  {
    name: 'start',
    summary: 'start an instance: a program in the background, under a name',
    load: () => import('./start.ts'),
  },
  {
    name: 'exec',
    summary: 'run a further program in a running instance',
    load: () => import('./exec.ts'),
  },
  {
    name: 'stop',
    summary: 'stop an instance',
    load: () => import('./stop.ts'),
  },
  {
    name: 'ps',
    summary: 'list instances, or the processes of one',
    load: () => import('./ps.ts'),
  },
  {
    name: 'logs',
    summary: 'show what an instance has printed',
    load: () => import('./logs.ts'),
  },
  {
    name: 'stats',
    summary: 'show what running instances use',
    load: () => import('./stats.ts'),
  },
  {
    name: 'rm',
    summary: 'remove instances that have ended',
    load: () => import('./rm.ts'),
  },
  {
    name: 'new',
    summary: 'start a project: a folder with a cloister.yaml',
    load: () => import('./new.ts'),
  },
  {
    name: 'build',
    summary: 'seal a project into a measured, signed image',
    load: () => import('./build.ts'),
  },
  {
    name: 'inspect',
    summary: 'show the tree, digests and signer of an image',
    load: () => import('./inspect.ts'),
  },
  {
    name: 'verify',
    summary: 'check an image, or evidence against a policy',
    load: () => import('./verify.ts'),
  },
  {
    name: 'attest',
    summary: 'give evidence of what runs',
    load: () => import('./attest.ts'),
  },
  {
    name: 'connect',
    summary: 'connect to an instance once a policy accepts what runs there',
    load: () => import('./connect.ts'),
  },
  {
    name: 'kbs',
    summary: 'run a key broker: secrets for attested instances only',
    load: () => import('./kbs.ts'),
  },
  {
    name: 'doctor',
    summary: 'tell what this machine has and lacks',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'volume',
    summary: 'make, check and fill sealed volumes',
    load: () => import('./volume.ts'),
  },
  {
    name: 'disasm',
    summary: 'show the code of a function beside its translation',
    load: () => import('./disasm.ts'),
  },
  {
    name: 'verify-code',
    summary: 'check translated code against the policy of the code verifier',
    load: () => import('./verify-code.ts'),
  },
];
