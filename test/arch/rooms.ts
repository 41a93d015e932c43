/** The rooms of the house and which others each may import (ARCHITECTURE.md, "The house"). */

/** Room → rooms it may import. `fs/*` and `host/native` are rooms inside rooms. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  abi: ['base'],
  elf: ['base', 'abi'],
  x86: ['base'],
  cpu: ['base', 'x86'],
  mm: ['base', 'abi'],
  vfs: ['base', 'abi'],
  fs: ['base', 'abi', 'vfs'],
  net: ['base', 'abi', 'vfs'],
  kernel: ['base', 'abi', 'elf', 'mm', 'vfs', 'net'],
  syscalls: ['base', 'abi', 'elf', 'x86', 'mm', 'vfs', 'fs', 'net', 'kernel'],
  platform: ['base', 'mm', 'cpu', 'kernel'],
  tools: ['base', 'abi', 'elf', 'x86', 'mm', 'cpu', 'kernel', 'platform'],
  wasi: ['base', 'abi', 'vfs', 'kernel'],
  host: ['base', 'abi', 'mm', 'cpu', 'fs', 'net', 'kernel', 'image', 'kbs'],
  image: ['base', 'abi', 'elf', 'vfs', 'fs'],
  attest: ['base'],
  kbs: ['base', 'attest'],
  tee: ['base', 'attest', 'host'],
  runtime: [
    ...['base', 'abi', 'elf', 'x86', 'cpu', 'mm', 'vfs', 'fs', 'net', 'kernel', 'syscalls'],
    ...['platform', 'tools', 'wasi', 'host', 'image', 'attest', 'kbs', 'tee'],
  ],
  oci: ['base', 'runtime', 'image'],
  cli: [
    ...['base', 'abi', 'elf', 'x86', 'cpu', 'mm', 'vfs', 'fs', 'net', 'kernel', 'syscalls'],
    ...['platform', 'tools', 'wasi', 'host', 'image', 'attest', 'kbs', 'tee', 'runtime', 'oci'],
  ],
};

/** Finer rules inside rooms: [importer prefix, imported prefix, reason]. */
export const FORBIDDEN: readonly (readonly [string, string, string])[] = [
  ['cpu/verify/', 'cpu/translate/', 'the code verifier trusts nothing that makes code'],
  ['cpu/verify/', 'cpu/cache/', 'the code verifier knows only the table and the sandbox numbers'],
  ['cpu/verify/', 'x86/decode', 'the code verifier has a decoder of its own'],
  ['cpu/verify/', 'x86/assemble', 'the code verifier never makes code'],
];

export interface Violation {
  readonly file: string;
  readonly imported: string;
  readonly reason: string;
}

/** Import specifiers of a module: static, type, dynamic, re-export, and worker URLs. */
export function importsOf(source: string): string[] {
  const found: string[] = [];
  const patterns = [
    /\b(?:import|export)\s+(?:type\s+)?(?:[\w*\s{},$]+\s+from\s+)?['"]([^'"]+)['"]/g,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
    /new\s+URL\(\s*['"]([^'"]+)['"]\s*,\s*import\.meta\.url/g,
  ];
  for (const pattern of patterns)
    for (const match of source.matchAll(pattern)) found.push(match[1] as string);
  return found;
}

/** Resolves `specifier` against `file` (both relative to src/); '..' leads out of src. */
function resolve(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const parts = file.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..' && parts.pop() === undefined) parts.push('..');
    else if (part !== '.' && part !== '..') parts.push(part);
  }
  return parts.join('/');
}

/**
 * Checks one module. `file` is relative to `src/`. Tests may import any node: module and, of other
 * rooms, anything: they check, they are not checked for direction.
 */
export function checkImports(file: string, source: string): Violation[] {
  const room = file.split('/')[0] as string;
  const isTest = file.endsWith('.test.ts') || file.includes('/testing/');
  if (isTest || !file.includes('/')) return [];
  const allowed = ROOMS[room];
  if (!allowed) return [{ file, imported: '', reason: `room ${room} is not in the house` }];
  const violations: Violation[] = [];
  for (const specifier of importsOf(source)) {
    if (specifier.startsWith('node:')) {
      const mayTouchNode = room === 'host' || room === 'cli';
      if (!mayTouchNode)
        violations.push({ file, imported: specifier, reason: 'only host/ and cli/ touch node:' });
      else if (specifier === 'node:ffi' && !file.startsWith('host/native/'))
        violations.push({
          file,
          imported: specifier,
          reason: 'only host/native/ touches node:ffi',
        });
      continue;
    }
    const target = resolve(file, specifier);
    if (target === undefined) {
      if (!PACKAGE_ROOMS.has(room))
        violations.push({ file, imported: specifier, reason: 'packages are for the edges only' });
      continue;
    }
    const targetRoom = target.split('/')[0] as string;
    // Data beside the code (package.json, schemas) is for the rooms that may read files.
    if (targetRoom === '..' && (room === 'cli' || room === 'host')) continue;
    if (targetRoom !== room && !allowed.includes(targetRoom))
      violations.push({ file, imported: target, reason: `${room}/ may not import ${targetRoom}/` });
    for (const [from, to, reason] of FORBIDDEN)
      if (file.startsWith(from) && target.startsWith(to))
        violations.push({ file, imported: target, reason });
  }
  return violations;
}

const PACKAGE_ROOMS = new Set(['image', 'attest', 'kbs', 'tee', 'runtime', 'oci', 'cli', 'host']);

/** Calls that only their own room may make: [pattern, allowed prefixes, what to use]. */
export const BANNED_CALLS: readonly (readonly [RegExp, readonly string[], string])[] = [
  [/\bMath\.random\(/, [], 'Entropy or SeededRandom'],
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, ['host/', 'cli/'], 'Clock'],
  [/\bconsole\.\w+\(/, ['cli/'], 'Logger'],
  [/\bprocess\.(?!env\.NODE_TEST)\w+/, ['host/', 'cli/'], 'an interface of host/'],
];

const MAX_LINES = 500;

/** Checks size and banned calls of one module. */
export function checkText(file: string, source: string): Violation[] {
  const violations: Violation[] = [];
  const isTable = file.endsWith('.table.ts') || file.includes('/isa/');
  const lines = source.split('\n').length - 1;
  if (!isTable && lines > MAX_LINES)
    violations.push({ file, imported: '', reason: `${lines} lines, at most ${MAX_LINES}` });
  if (file.endsWith('.test.ts') || file.includes('/testing/')) return violations;
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
  for (const [pattern, allowed, instead] of BANNED_CALLS) {
    const hit = pattern.exec(code);
    if (hit && !allowed.some((prefix) => file.startsWith(prefix)))
      violations.push({ file, imported: hit[0], reason: `use ${instead}` });
  }
  return violations;
}
