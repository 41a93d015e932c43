/** JSON Canonicalization Scheme (RFC 8785) for values without floating-point numbers. */
import { Refusal } from '../errors.ts';
import { isObject, type Json } from '../json.ts';

/** Members sorted by UTF-16 code units (section 3.2.3), no blanks, strings as JSON.stringify has them. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isObject(value)) {
    const names = Object.keys(value).sort();
    const members = names.map(
      (name) => `${JSON.stringify(name)}:${canonicalJson(value[name] as Json)}`,
    );
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new Refusal('MALFORMED_MESSAGE', 'only whole numbers are canonicalised');
  return JSON.stringify(value);
}
