/** The published JSON schema of cloister.yaml, derived from the one the parser uses. */

import { toJsonSchema } from '@valibot/to-json-schema';
import { configSchema } from '../config-schema.ts';

export function cloisterJsonSchema(): string {
  // Sizes carry a check that JSON schema cannot express; their message says what is wanted.
  const schema = toJsonSchema(configSchema, { typeMode: 'input', errorMode: 'ignore' });
  return `${JSON.stringify({ title: 'cloister.yaml', ...schema }, null, 2)}\n`;
}
