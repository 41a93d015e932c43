/** Compiles the instruction table, and the code verifier's forms from it: `npm run isa`. */
import { writeFileSync } from 'node:fs';
import { compileTable } from '../src/x86/isa/compile.ts';
import { FAMILIES } from '../src/x86/isa/families.ts';

const write = (path: string, text: string) =>
  writeFileSync(new URL(`../src/${path}`, import.meta.url), text);

write('x86/isa/compiled.table.ts', compileTable(FAMILIES));
// Read from what was just written.
const { isa } = await import('../src/x86/isa/table.ts');
const { compileForms } = await import('../src/cpu/verify/compile-forms.ts');
write('cpu/verify/forms.table.ts', compileForms(isa));
