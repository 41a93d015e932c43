/** What the demo's attacker tries: bits on the disk, evidence of an earlier session, the broker's files. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Evidence, parseEvidence } from '../../src/attest/evidence.ts';
import { parseBrokerKey } from '../../src/cli/broker-key.ts';
import { httpTransport } from '../../src/host/broker-server.ts';
import { BrokerRefusal, RcarClient } from '../../src/kbs/client.ts';

/** Flips the lowest bit of one byte of a file; gives its offset. */
export function flipBit(path: string, offset: (bytes: Buffer) => number): number {
  const bytes = readFileSync(path);
  const at = offset(bytes);
  bytes[at] = (bytes[at] as number) ^ 0x01;
  writeFileSync(path, bytes);
  return at;
}

/** The blob of an image that holds a text. */
export function blobWith(image: string, text: string): string {
  const blobs = join(image, 'blobs', 'sha256');
  const name = readdirSync(blobs).find((blob) => readFileSync(join(blobs, blob)).includes(text));
  if (name === undefined) throw new Error(`no blob of ${image} holds ${JSON.stringify(text)}`);
  return join(blobs, name);
}

/**
 * Plays evidence recorded in one session back to the broker in another. Gives the broker's refusal;
 * throws when it was believed.
 */
export async function replayEvidence(
  url: string,
  brokerKey: string,
  evidenceFile: string,
  secret: string,
): Promise<string> {
  const recorded: Evidence = parseEvidence(readFileSync(evidenceFile, 'utf8'));
  const client = new RcarClient({
    transport: httpTransport(url),
    brokerKey: parseBrokerKey(brokerKey),
    prover: { kind: 'cloister', provider: 'sim', evidence: () => recorded },
  });
  try {
    const { secret: stolen } = await client.secret(secret);
    stolen[Symbol.dispose]();
  } catch (error) {
    if (error instanceof BrokerRefusal) return error.message;
    throw error;
  }
  throw new Error('the broker gave a secret for recorded evidence');
}

/** Names of the files of a folder that hold any of these bytes in the clear. */
export function filesWith(folder: string, secrets: readonly Buffer[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return secrets.some(
        (secret) => bytes.includes(secret) || bytes.includes(secret.toString('hex')),
      );
    });
}
