/** Device numbers (Documentation/admin-guide/devices.txt of Linux). */

import { makeDev } from '../../abi/file-mode.ts';

export const DEV = {
  null: makeDev(1, 3),
  zero: makeDev(1, 5),
  full: makeDev(1, 7),
  random: makeDev(1, 8),
  urandom: makeDev(1, 9),
  tty: makeDev(5, 0),
  console: makeDev(5, 1),
  ptmx: makeDev(5, 2),
} as const;

/** Unix98 pseudo-terminals: /dev/pts/N is 136:N. */
export const PTS_MAJOR = 136;
