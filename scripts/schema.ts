/** Writes schema/cloister.schema.json from the schema of cloister.yaml: `node scripts/schema.ts`. */
import { writeFileSync } from 'node:fs';
import { cloisterJsonSchema } from '../src/image/testing/json-schema.ts';

writeFileSync('schema/cloister.schema.json', cloisterJsonSchema());
