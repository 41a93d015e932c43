/**
 * A strict, bounded reader of JSON (RFC 8259) that keeps where each member's value stood in the
 * text: collateral is signed over the exact text of a member, so it must be cut out and never be
 * written again. A name twice in one object is refused (RFC 8259, section 4, leaves it open, and
 * two readers of one signed text must not see two things).
 */
import { Refusal, type RefusalCode } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

const MAXIMUM_DEPTH = 32;
const MAXIMUM_TEXT = 4 * 1024 * 1024;

/** A parsed object with the exact text of each of its members' values. */
export interface SlicedObject {
  readonly value: JsonObject;
  readonly textOf: (name: string) => string | undefined;
}

class Parser {
  readonly #text: string;
  readonly #code: RefusalCode;
  at = 0;

  constructor(text: string, code: RefusalCode) {
    this.#text = text;
    this.#code = code;
    if (text.length > MAXIMUM_TEXT) this.fail('text too large');
  }

  fail(message: string): never {
    throw new Refusal(this.#code, `JSON: ${message} (at character ${this.at})`);
  }

  blanks(): void {
    while (' \t\r\n'.includes(this.#text[this.at] ?? 'x')) this.at++;
  }

  value(depth: number): Json {
    if (depth > MAXIMUM_DEPTH) this.fail('nested too deeply');
    const first = this.#text[this.at];
    if (first === '{') return this.object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    return this.#scalar();
  }

  object(depth: number, slices?: Map<string, string>): JsonObject {
    const members: [string, Json][] = [];
    const names = new Set<string>();
    this.#list('{', '}', () => {
      if (this.#text[this.at] !== '"') this.fail('member name missing');
      const name = this.#string();
      if (names.has(name)) this.fail(`member "${name}" twice`);
      names.add(name);
      this.blanks();
      if (this.#text[this.at++] !== ':') this.fail('colon missing');
      this.blanks();
      const from = this.at;
      members.push([name, this.value(depth + 1)]);
      slices?.set(name, this.#text.slice(from, this.at));
    });
    // fromEntries defines own properties: "__proto__" is a name like any other.
    return Object.fromEntries(members);
  }

  #array(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.#list('[', ']', () => {
      items.push(this.value(depth + 1));
    });
    return items;
  }

  #list(open: string, close: string, item: () => void): void {
    if (this.#text[this.at] !== open) this.fail(`${open} missing`);
    this.at++;
    this.blanks();
    if (this.#text[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      item();
      this.blanks();
      const next = this.#text[this.at++];
      if (next === close) return;
      if (next !== ',') this.fail(`, or ${close} missing`);
      this.blanks();
    }
  }

  #string(): string {
    const from = this.at;
    this.at++;
    for (;;) {
      const character = this.#text[this.at++];
      if (character === undefined) this.fail('string without end');
      if (character === '\\') this.at++;
      else if (character === '"') break;
    }
    return this.#native(this.#text.slice(from, this.at)) as string;
  }

  #scalar(): Json {
    const from = this.at;
    while (/[-+.0-9a-zA-Z]/.test(this.#text[this.at] ?? ' ')) this.at++;
    return this.#native(this.#text.slice(from, this.at));
  }

  /** Strings, numbers and literals have one grammar; the engine's own reader knows it. */
  #native(text: string): Json {
    try {
      return JSON.parse(text) as Json;
    } catch (cause) {
      throw new Refusal(this.#code, `JSON: bad value (at character ${this.at})`, { cause });
    }
  }

  end(): void {
    this.blanks();
    if (this.at !== this.#text.length) this.fail('text after the value');
  }
}

export function parseJson(text: string, code: RefusalCode): Json {
  const parser = new Parser(text, code);
  parser.blanks();
  const value = parser.value(0);
  parser.end();
  return value;
}

/** As {@link parseJson}, for an object, keeping the text of its direct members. */
export function parseJsonObject(text: string, code: RefusalCode): SlicedObject {
  const parser = new Parser(text, code);
  const slices = new Map<string, string>();
  parser.blanks();
  const value = parser.object(0, slices);
  parser.end();
  return { value, textOf: (name) => slices.get(name) };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Typed access to the members of one object; each refuses when the member is not what it must be. */
export class Members {
  readonly #object: JsonObject;
  readonly #code: RefusalCode;
  readonly #where: string;

  constructor(value: Json | undefined, code: RefusalCode, where: string) {
    if (!isObject(value)) throw new Refusal(code, `${where}: not an object`);
    this.#object = value;
    this.#code = code;
    this.#where = where;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  raw(name: string): Json | undefined {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  #fail(name: string, what: string): never {
    throw new Refusal(this.#code, `${this.#where}.${name}: ${what}`);
  }

  string(name: string): string {
    const value = this.raw(name);
    return typeof value === 'string' ? value : this.#fail(name, 'not a string');
  }

  integer(name: string, maximum: number): number {
    const value = this.raw(name);
    if (!Number.isInteger(value)) this.#fail(name, 'not an integer');
    if ((value as number) < 0 || (value as number) > maximum) this.#fail(name, 'out of range');
    return value as number;
  }

  /** Hexadecimal of exactly `bytes` bytes, in lower case. */
  hex(name: string, bytes: number): string {
    const value = this.string(name);
    if (value.length !== 2 * bytes || !/^[0-9a-fA-F]*$/.test(value))
      this.#fail(name, `not ${bytes} hexadecimal bytes`);
    return value.toLowerCase();
  }

  /** ISO 8601 in UTC to the second, as Intel writes it; milliseconds since the epoch. */
  timeMs(name: string): number {
    const value = this.string(name);
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) ? Date.parse(value) : Number.NaN;
    return Number.isNaN(ms) ? this.#fail(name, 'not a time') : ms;
  }

  array(name: string, maximum: number): readonly Json[] {
    const value = this.raw(name);
    if (!Array.isArray(value) || value.length > maximum)
      this.#fail(name, 'not a list (or too long)');
    return value as readonly Json[];
  }

  object(name: string): Members {
    return new Members(this.raw(name), this.#code, `${this.#where}.${name}`);
  }

  objects(name: string, maximum: number): Members[] {
    return this.array(name, maximum).map(
      (item, i) => new Members(item, this.#code, `${this.#where}.${name}[${i}]`),
    );
  }

  /** A list of strings; absent means empty. */
  strings(name: string, maximum: number): string[] {
    if (!this.has(name)) return [];
    return this.array(name, maximum).map((item) =>
      typeof item === 'string' ? item : this.#fail(name, 'not a list of strings'),
    );
  }
}
