/** Compiles the instruction table: `npm run isa`. */
import { writeFileSync } from 'node:fs';
import { compileTable } from '../src/x86/isa/compile.ts';
import { FAMILIES } from '../src/x86/isa/families.ts';

const file = new URL('../src/x86/isa/compiled.table.ts', import.meta.url);
writeFileSync(file, compileTable(FAMILIES));
