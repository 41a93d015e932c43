/** Who makes a file call: a task, structurally. */

import type { Credentials } from './credentials.ts';
import type { FsContext } from './fs-context.ts';

export interface Caller {
  readonly fs: FsContext;
  readonly creds: Credentials;
}
