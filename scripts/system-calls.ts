/** `npm run system-calls`: writes docs/system-calls.md from the table. */
import { writeFileSync } from 'node:fs';
import { coveragePage } from '../src/syscalls/coverage.ts';

writeFileSync(new URL('../docs/system-calls.md', import.meta.url), coveragePage());
