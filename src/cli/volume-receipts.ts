/** `cloister volume receipts`: what the key broker countersigned, checked without the broker. */

import { existsSync, readFileSync } from 'node:fs';
import { toHex } from '../attest/bytes.ts';
import {
  type FreshnessStatement,
  parseFreshnessReceipt,
  verifyFreshness,
} from '../attest/freshness.ts';
import { receiptsPath } from './broker-anchor.ts';
import { parseBrokerKey } from './broker-key.ts';
import { CommandError } from './errors.ts';
import { printJson, printLine } from './report.ts';

export async function receipts(
  volume: string,
  options: { readonly kbsKey: string; readonly json?: boolean },
): Promise<void> {
  const key = parseBrokerKey(options.kbsKey);
  const path = receiptsPath(volume);
  if (!existsSync(path))
    throw new CommandError('CLOISTER_VOLUME_USE', `${path}: no run has left receipts there`);
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const good: FreshnessStatement[] = [];
  const problems: string[] = [];
  for (const [i, line] of lines.entries()) {
    try {
      good.push(await verifyFreshness(parseFreshnessReceipt(line), key));
    } catch (error) {
      problems.push(`${path}:${i + 1}: ${(error as Error).message}`);
    }
  }
  const shown = good.map(({ volume: id, counter, root, timeMs }) => ({
    volume: toHex(id),
    commit: counter,
    commitment: toHex(root),
    time: new Date(timeMs).toISOString(),
  }));
  if (options.json) printJson({ receipts: shown, problems });
  else {
    for (const { volume: id, commit, commitment, time } of shown)
      printLine(`${time.slice(0, 19).replace('T', ' ')}  ${id}  commit ${commit}  ${commitment}`);
    for (const problem of problems) printLine(`problem      ${problem}`);
    printLine(`${shown.length} receipts are the broker's, ${problems.length} are not`);
  }
  if (problems.length > 0) process.exitCode = 3;
}
