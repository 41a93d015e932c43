/**
 * Compares the decoder with objdump over every ELF file of a system root (default /usr):
 * `node scripts/decode-root.ts [FOLDER …]`. Prints files whose boundaries differ and what is not in
 * the table, by frequency. Takes minutes to an hour; the test command compares seven files.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { compareWithObjdump } from '../test/x86/objdump.ts';

const roots = process.argv.length > 2 ? process.argv.slice(2) : ['/usr'];
const ELF_MAGIC = 0x7f454c46;

function isElf64(file: string): boolean {
  const head = Buffer.alloc(20);
  try {
    const fd = openSync(file, 'r');
    const got = readSync(fd, head, 0, 20, 0);
    closeSync(fd);
    // 64-bit, x86-64, executable or shared object.
    return (
      got === 20 &&
      head.readUInt32BE(0) === ELF_MAGIC &&
      head[4] === 2 &&
      head.readUInt16LE(18) === 62 &&
      head.readUInt16LE(16) >= 2
    );
  } catch {
    return false;
  }
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() && isElf64(path)) yield path;
  }
}

const unknown = new Map<string, number>();
let files = 0;
let instructions = 0;
let equal = 0;
let different = 0;
for (const root of roots)
  for (const file of filesBelow(root)) {
    const result = await compareWithObjdump(file);
    files++;
    instructions += result.instructions;
    equal += result.equal;
    different += result.different.length;
    for (const [name, count] of result.unknown) unknown.set(name, (unknown.get(name) ?? 0) + count);
    for (const line of result.different.slice(0, 3)) console.log(`${file}: ${line}`);
    if (process.stdout.isTTY)
      process.stdout.write(`\r${files} files, ${instructions} instructions`);
  }
console.log(`${files} files, ${instructions} instructions, ${equal} equal, ${different} different`);
console.log('not in the table, by frequency:');
for (const [name, count] of [...unknown].sort((a, b) => b[1] - a[1]).slice(0, 100))
  console.log(`${String(count).padStart(8)} ${name}`);
