/** What this process has used of the host. */

import { readFileSync } from 'node:fs';

export function ownUsage(): {
  readonly cpuNs: number;
  readonly residentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
} {
  const { user, system } = process.cpuUsage();
  return { cpuNs: (user + system) * 1000, residentBytes: process.memoryUsage.rss(), ...ownIo() };
}

/** `rchar` and `wchar` of proc_pid_io(5); 0 where the kernel does not count. */
function ownIo(): { readonly readBytes: number; readonly writtenBytes: number } {
  let text = '';
  try {
    text = readFileSync('/proc/self/io', 'latin1');
  } catch {
    // Not compiled in, or not for us.
  }
  const field = (name: string): number =>
    Number(new RegExp(`^${name}: (\\d{1,15})$`, 'm').exec(text)?.[1] ?? 0);
  return { readBytes: field('rchar'), writtenBytes: field('wchar') };
}
