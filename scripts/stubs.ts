/** Makes the stubs with holes for addresses: `npm run stubs`, after a change of their sources. */
import { writeFileSync } from 'node:fs';
import { compileStubs } from '../src/cpu/stubs/templates.ts';
import { CODE_BYTES, STUB_BYTES } from '../src/host/native/engine-object.ts';
import { TICK_SIGNAL } from '../src/host/native/signals.ts';

const fixed = { codeBytes: CODE_BYTES, codeStart: STUB_BYTES, tickSignal: TICK_SIGNAL };
writeFileSync(new URL('../src/cpu/stubs/compiled.table.ts', import.meta.url), compileStubs(fixed));
