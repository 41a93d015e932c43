/**
 * Byte strings: JavaScript strings in which each character is one byte. V8 keeps them as one byte
 * a character, and unlike Uint8Arrays they are keys of maps. File names, link targets, xattr names.
 */

/** The byte string of `bytes[start, end)`. */
export function byteString(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let out = '';
  for (let at = start; at < end; at += CHUNK) {
    const stop = Math.min(at + CHUNK, end);
    out += String.fromCharCode.apply(null, bytes.subarray(at, stop) as unknown as number[]);
  }
  return out;
}

const CHUNK = 4096;

/** The bytes of a byte string. */
export function bytesOf(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  copyBytes(text, out, 0);
  return out;
}

/** Stores a byte string at `target[start…)`; the index behind it. */
export function copyBytes(text: string, target: Uint8Array, start: number): number {
  for (let i = 0; i < text.length; i++) target[start + i] = text.charCodeAt(i);
  return start + text.length;
}

/** The byte string of a text in UTF-8. */
export function fromText(text: string): string {
  return byteString(new TextEncoder().encode(text));
}

/** The text of a byte string for people; not exact when it is no UTF-8. */
export function toText(name: string): string {
  return new TextDecoder().decode(bytesOf(name));
}
