/** Options that several sub-commands have. */

import type { Command } from 'commander';

/** For an option that may be given more than once. */
export const collect = (value: string, previous: readonly string[] = []): readonly string[] => [
  ...previous,
  value,
];

/** Which images are accepted, and how they are opened; absent: any. */
export interface TrustOptions {
  readonly signer?: readonly string[];
  readonly measurement?: string;
  readonly imageKey?: string;
}

export function withTrustOptions(command: Command): Command {
  return command
    .option('--signer <KEY|FILE>', 'accept only images that this Ed25519 key signed', collect)
    .option('--measurement <DIGEST>', 'accept only the image sha256:…')
    .option('--image-key <FILE>', 'key of an encrypted image');
}
