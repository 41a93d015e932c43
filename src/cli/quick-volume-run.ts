/** Entry of the quick-start bundle for runs with sealed volumes. A plain run loads nothing of it. */

import { quickRun as run } from './quick-run.ts';
import * as volumes from './run-volumes.ts';

export const quickRun = (argv: readonly string[]): Promise<boolean> =>
  run(argv, async () => volumes);
