/** TCP_CONGESTION (tcp(7)): of the algorithms that every Linux has one is named. All do the same here. */

/** TCP_CA_NAME_MAX. */
const NAME_BYTES = 16;

const named = (name: string): Uint8Array =>
  Uint8Array.from(name.padEnd(NAME_BYTES, '\0'), (letter) => letter.charCodeAt(0));

export const CUBIC = named('cubic');

const ALGORITHMS: ReadonlyMap<string, Uint8Array> = new Map([
  ['cubic', CUBIC],
  ['reno', named('reno')],
]);

/** The algorithm that an option's value names, as the option gives it; undefined: there is none. */
export function congestionOf(value: Uint8Array): Uint8Array | undefined {
  const bytes = value.subarray(0, NAME_BYTES - 1);
  const end = bytes.indexOf(0);
  return ALGORITHMS.get(String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end))));
}
