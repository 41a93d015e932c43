/**
 * Reads `cloister.yaml`: YAML 1.2 core schema, then {@link configSchema}. Every problem is reported
 * with file, line and column, all of them at once; unknown keys with what was probably meant.
 */

import * as v from 'valibot';
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { type BuildConfig, configSchema } from './config-schema.ts';
import { ImageError } from './host-files.ts';
import { suggest } from './suggest.ts';

const MAX_CONFIG_BYTES = 1 << 20;

type Path = readonly (string | number)[];

/** Parses and checks a configuration; `file` names it in messages. Throws {@link ImageError}. */
export function parseConfig(source: string, file: string): BuildConfig {
  if (source.length > MAX_CONFIG_BYTES) fail([`${file}: larger than 1 MiB`]);
  const lines = new LineCounter();
  const doc = parseDocument(source, { lineCounter: lines, uniqueKeys: true, merge: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (doc.errors.length > 0)
    fail(
      doc.errors.map(
        (e) =>
          `${at(e.pos[0])}: not YAML: ${(e.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')}`,
      ),
    );
  if (doc.contents === null) fail([`${file}: empty; it needs at least \`name\` and \`command\``]);
  // Aliases are resolved, but cannot blow up: at most 100 of them.
  const result = v.safeParse(configSchema, doc.toJS({ maxAliasCount: 100 }));
  if (result.success) return result.output;
  fail(result.issues.flatMap((issue) => describe(issue, doc, at)));
}

function fail(problems: readonly string[]): never {
  throw new ImageError('CLOISTER_CONFIG', problems.join('\n'));
}

function describe(
  issue: v.BaseIssue<unknown>,
  doc: Document,
  at: (offset: number) => string,
): string[] {
  // A union reports what each of its forms lacks: show the nearest one, the last.
  if (issue.issues && issue.issues.length > 0) {
    const prefix = issue.path ?? [];
    const inner = issue.issues.filter((i) => i.path !== undefined);
    if (inner.length > 0)
      return inner.flatMap((i) =>
        describe(
          { ...i, path: [...prefix, ...(i.path ?? [])] as unknown as NonNullable<typeof i.path> },
          doc,
          at,
        ),
      );
  }
  const path: Path = (issue.path ?? []).map((item) => item.key as string | number);
  const where = at(offsetOf(doc, path));
  const key = path.at(-1);
  const parent = path.slice(0, -1);
  const inside = parent.length === 0 ? 'the top level' : `\`${show(parent)}\``;
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const near = suggest(String(key), keysOf(parent, doc));
    const hint = near === undefined ? '' : `; did you mean \`${near}\`?`;
    return [`${where}: unknown key \`${key}\` in ${inside}${hint}`];
  }
  const isMissing = issue.received === 'undefined' && key !== undefined;
  if (isMissing) return [`${where}: \`${key}\` is missing in ${inside}`];
  const own = issue.message.startsWith('must ') ? issue.message : undefined;
  const what = own ?? `must be ${issue.expected ?? 'valid'}, not ${issue.received}`;
  return [`${where}: \`${show(path)}\` ${what}`];
}

function show(path: Path): string {
  return path.reduce<string>(
    (out, part) =>
      typeof part === 'number' ? `${out}[${part}]` : out === '' ? part : `${out}.${part}`,
    '',
  );
}

/** Keys that the schema knows at `path`. */
function keysOf(path: Path, doc: Document): readonly string[] {
  let at: unknown = configSchema;
  for (const part of path) {
    at = unwrap(at, undefined, typeof part === 'number');
    const shape = at as { entries?: Record<string, unknown>; item?: unknown };
    at = typeof part === 'number' ? shape?.item : shape?.entries?.[part];
  }
  const node = doc.getIn(path);
  const shape = unwrap(at, isMap(node) ? node.get('type') : undefined) as {
    entries?: Record<string, unknown>;
  };
  return Object.keys(shape?.entries ?? {});
}

/** The object, or the array, inside optional, pipe, variant and union wrappers. */
function unwrap(schema: unknown, variant: unknown, wantsArray = false): unknown {
  let at = schema as {
    wrapped?: unknown;
    pipe?: readonly unknown[];
    options?: readonly { entries?: Record<string, { literal?: unknown }>; item?: unknown }[];
    entries?: unknown;
    item?: unknown;
  };
  for (let i = 0; i < 8 && at !== undefined; i++) {
    if (at.entries !== undefined || at.item !== undefined) return at;
    if (at.wrapped !== undefined) at = at.wrapped as typeof at;
    else if (at.options !== undefined) {
      const objects = at.options.filter((o) => (wantsArray ? o.item : o.entries) !== undefined);
      const chosen = objects.find((o) => o.entries?.['type']?.literal === variant);
      at = (chosen ?? objects[0]) as typeof at;
    } else break;
  }
  return at;
}

/** Where in the source `path` stands: its key, or the nearest enclosing node. */
function offsetOf(doc: Document, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = doc.getIn(path.slice(0, depth - 1), true) as Node | undefined;
    const key = path[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((p) => isScalar(p.key) && p.key.value === key);
      const range = (pair?.key as Node | undefined)?.range;
      if (range) return range[0];
    }
    const node = doc.getIn(path.slice(0, depth), true) as Node | undefined;
    if (node?.range) return node.range[0];
    if (parent?.range) return parent.range[0];
  }
  return doc.contents?.range?.[0] ?? 0;
}
