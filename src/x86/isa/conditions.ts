/** Condition codes: number, objdump's spelling, flags read (Intel SDM vol. 1, appendix B). */

/** `[suffix, flags read]` by condition number. */
export const CONDITIONS: readonly (readonly [string, string])[] = [
  ['o', 'o'],
  ['no', 'o'],
  ['b', 'c'],
  ['ae', 'c'],
  ['e', 'z'],
  ['ne', 'z'],
  ['be', 'cz'],
  ['a', 'cz'],
  ['s', 's'],
  ['ns', 's'],
  ['p', 'p'],
  ['np', 'p'],
  ['l', 'so'],
  ['ge', 'so'],
  ['le', 'soz'],
  ['g', 'soz'],
];

/** `base + n` as two hexadecimal digits. */
export function hex(base: number, n = 0): string {
  return (base + n).toString(16).padStart(2, '0').toUpperCase();
}
