/** Named bits and named numbers as data: checked by handlers, printed by strace, listed in docs. */

export type FlagSet = Readonly<Record<string, number>>;

/** All bits that `set` names. */
export function allBits(set: FlagSet): number {
  let bits = 0;
  for (const value of Object.values(set)) bits |= value;
  return bits;
}

/** `O_WRONLY|O_CREAT`, unknown bits as hex; the name of zero, or `0`, for none. */
export function renderFlags(set: FlagSet, value: number): string {
  const names: string[] = [];
  let rest = value | 0;
  let zero = '0';
  for (const [name, bits] of Object.entries(set)) {
    if (bits === 0) zero = name;
    else if ((rest & bits) === (bits | 0)) {
      names.push(name);
      rest &= ~bits;
    }
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.length === 0 ? zero : names.join('|');
}

/** The name of `value`, else the number. */
export function renderOneOf(set: FlagSet, value: number): string {
  for (const [name, number] of Object.entries(set)) if (number === value) return name;
  return value < 0 || value > 1024 ? `0x${(value >>> 0).toString(16)}` : String(value);
}
