/** A listing as text of two columns: guest code, and what became of it. */

import type { HostLine } from './host-code.ts';
import type { FunctionListing, GuestLine, ListedPart, ListedUnit } from './listing.ts';
import { hexOf } from './names.ts';

const GUEST_COLUMNS = 57;
const GUEST_BYTES = 8;
const HOST_BYTES = 39;

export interface TextOptions {
  /** Show what a tick at each host instruction restores. */
  readonly withRestarts: boolean;
}

export function listingText(listing: FunctionListing, options: TextOptions): string {
  const { name, address, guestBytes, instructions, hostBytes, units } = listing;
  const ratio = guestBytes === 0 ? '' : ` (×${(hostBytes / guestBytes).toFixed(1)})`;
  const head =
    `${name} at ${hexOf(address)}: ${guestBytes} bytes, ${instructions} instructions → ` +
    `${count(units.length, 'unit')}, ${hostBytes} bytes${ratio}`;
  return [head, ...units.flatMap((unit) => unitLines(unit, options))].map(printable).join('\n');
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** Names come from the file: what would steer a terminal is shown as `?`. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, '?').trimEnd();
}

function unitLines(unit: ListedUnit, options: TextOptions): string[] {
  const guess = unit.isGuess ? ' (no direct branch leads there)' : '';
  const head = `unit ${hexOf(unit.address)}${guess}: ${count(unit.instructions, 'instruction')}, ${unit.hostBytes} bytes`;
  return ['', head, ...unit.parts.flatMap((part) => partLines(part, options))];
}

function partLines({ label, guest, host }: ListedPart, options: TextOptions): string[] {
  const left = guest === undefined ? [`  -- ${label}`] : guestLines(guest, label);
  const right = host.flatMap((line) => hostText(line, options));
  return Array.from(
    { length: Math.max(left.length, right.length) },
    (_, n) => `${(left[n] ?? '').padEnd(GUEST_COLUMNS)}  ${right[n] ?? ''}`,
  );
}

function guestLines({ address, bytes, text, note }: GuestLine, label: string): string[] {
  const all = bytes.split(' ');
  const name = note === undefined ? '' : ` <${note}>`;
  const lines = [`${hexOf(address).padStart(10)}  ${text}${name}`];
  for (let n = 0; n < all.length; n += GUEST_BYTES)
    lines.push(`${' '.repeat(12)}${all.slice(n, n + GUEST_BYTES).join(' ')}`);
  return [...lines.slice(0, -1), `${lines.at(-1)}  -- ${label}`];
}

function hostText({ offset, bytes, text, note, restart }: HostLine, options: TextOptions) {
  const name = note === undefined ? '' : ` <${note}>`;
  const at = `+${offset.toString(16).padStart(4, '0')}`;
  const line = `${at}  ${bytes.padEnd(HOST_BYTES)} ${text}${name}`;
  if (!options.withRestarts || restart === undefined) return [line];
  return [line, `       tick: ${restart}`];
}
