/** PR_SET_MDWE (prctl(2)): a process that lets no memory become executable. */

import { EINVAL, EPERM } from '../abi/errno.table.ts';
import { PROT } from '../abi/mman.ts';
import type { ThreadGroup } from './thread-group.ts';

const REFUSE_EXEC_GAIN = 1;
const NO_INHERIT = 2;

/** Once set, a rule stays. 0 or -errno. */
export function setExecutableRule(group: ThreadGroup, rule: number): number {
  if (rule > (REFUSE_EXEC_GAIN | NO_INHERIT) || rule === NO_INHERIT) return -EINVAL;
  if (group.executableRule !== 0 && group.executableRule !== rule) return -EPERM;
  group.executableRule = rule;
  return 0;
}

/** What children and the next program have of it. */
export const inheritedRule = (rule: number): number => ((rule & NO_INHERIT) !== 0 ? 0 : rule);

/** May a range with `before` get `after`? A new one has no rights before. */
export function gainsExecution(group: ThreadGroup, before: number, after: number): boolean {
  if (group.executableRule === 0 || (after & PROT.PROT_EXEC) === 0) return false;
  return (after & PROT.PROT_WRITE) !== 0 || (before & PROT.PROT_EXEC) === 0;
}
