/**
 * Internet addresses. One form for both families, so that dual-stack sockets need no second path:
 * 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Immutable; `key` compares and indexes.
 */

export class Ip {
  readonly bytes: Uint8Array;
  readonly isV4: boolean;
  /** The bytes as text for maps: equal addresses, equal keys. */
  readonly key: string;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.isV4 = isMapped(bytes);
    this.key = String.fromCharCode(...(this.isV4 ? bytes.subarray(12) : bytes));
  }

  /** Four bytes at `at`. */
  static v4(bytes: Uint8Array, at = 0): Ip {
    const full = new Uint8Array(16);
    full.fill(0xff, 10, 12);
    full.set(bytes.subarray(at, at + 4), 12);
    return new Ip(full);
  }

  /** Sixteen bytes at `at`; a mapped IPv4 address is one. */
  static v6(bytes: Uint8Array, at = 0): Ip {
    return new Ip(bytes.slice(at, at + 16));
  }

  /** Any address of the family: 0.0.0.0 or ::. */
  get isWildcard(): boolean {
    return (this.isV4 ? this.bytes.subarray(12) : this.bytes).every((byte) => byte === 0);
  }

  /** 127.0.0.0/8 or ::1. */
  get isLoopback(): boolean {
    const { bytes } = this;
    if (this.isV4) return bytes[12] === 127;
    return bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0);
  }

  get isMulticast(): boolean {
    return this.isV4 ? ((this.bytes[12] as number) & 0xf0) === 0xe0 : this.bytes[0] === 0xff;
  }

  /** 255.255.255.255. */
  get isBroadcast(): boolean {
    return this.isV4 && this.bytes.subarray(12).every((byte) => byte === 0xff);
  }

  /** fe80::/10. */
  get isLinkLocal(): boolean {
    const { bytes } = this;
    return bytes[0] === 0xfe && ((bytes[1] as number) & 0xc0) === 0x80;
  }

  equals(other: Ip): boolean {
    return this.key === other.key;
  }

  /** The same first `bits` bits, counted in the family of `other`. */
  isWithin(other: Ip, bits: number): boolean {
    if (this.isV4 !== other.isV4) return false;
    const from = other.isV4 ? 12 : 0;
    for (let bit = 0; bit < bits; bit += 8) {
      const at = from + bit / 8;
      const mask = bits - bit >= 8 ? 0xff : (0xff00 >> (bits - bit)) & 0xff;
      if ((((this.bytes[at] as number) ^ (other.bytes[at] as number)) & mask) !== 0) return false;
    }
    return true;
  }

  /** As in RFC 5952, but for the choice of the longest run of zeros: the first one is taken. */
  toString(): string {
    const { bytes } = this;
    if (this.isV4) return bytes.subarray(12).join('.');
    const groups = Array.from({ length: 8 }, (_, i) =>
      (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
    );
    return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
  }
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

export const ANY4: Ip = Ip.v4(Uint8Array.of(0, 0, 0, 0));
export const ANY6: Ip = Ip.v6(new Uint8Array(16));
export const LOOPBACK4: Ip = Ip.v4(Uint8Array.of(127, 0, 0, 1));
export const LOOPBACK6: Ip = Ip.v6(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));

/** An address in the usual notation, or undefined. */
export function parseIp(text: string): Ip | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Ip | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part)))
    return undefined;
  const numbers = parts.map(Number);
  return numbers.every((part) => part < 256) ? Ip.v4(Uint8Array.from(numbers)) : undefined;
}

function parseV6(text: string): Ip | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : groupsOf(half)));
  const [head, tail = []] = groups;
  if (head === undefined || groups.includes(undefined)) return undefined;
  const missing = 8 - head.length - (tail as number[]).length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...new Array<number>(missing).fill(0), ...(tail as number[])];
  return Ip.v6(Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff])));
}

/** Groups of 16 bits; the last two may be an IPv4 address. */
function groupsOf(half: string): number[] | undefined {
  const groups: number[] = [];
  const parts = half.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      const [a, b, c, d] = v4.bytes.subarray(12) as unknown as [number, number, number, number];
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
