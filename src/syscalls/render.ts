/** How strace(1) prints strings. */

const ESCAPES: Readonly<Record<number, string>> = {
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

/** Quoted, at most `limit` bytes, `...` behind when there were more. */
export function renderBytes(bytes: Uint8Array, limit: number): string {
  const shown = bytes.subarray(0, limit);
  let text = '';
  for (let i = 0; i < shown.length; i++) {
    const byte = shown[i] as number;
    const next = shown[i + 1];
    const digitFollows = next !== undefined && next >= 0x30 && next <= 0x37;
    if (ESCAPES[byte] !== undefined) text += ESCAPES[byte];
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${digitFollows ? byte.toString(8).padStart(3, '0') : byte.toString(8)}`;
  }
  return `"${text}"${bytes.length > limit ? '...' : ''}`;
}
