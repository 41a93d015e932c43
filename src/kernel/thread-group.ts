/** A process: what its threads share. */

import type { Pid } from '../base/brand.ts';
import type { Limits } from './limits.ts';

export interface ThreadGroup {
  readonly pid: Pid;
  readonly limits: Limits;
}
