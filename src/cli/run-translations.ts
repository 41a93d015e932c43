/** What a run of a measured image takes translations from: the layer that was measured with it. */

import type { Logger } from '../base/interfaces.ts';
import type { TranslationStorage } from '../cpu/cache/unit-store.ts';
import { zstd } from '../host/compression.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { type Image, openTranslations } from '../image/open.ts';

const MODULE = /^sha256:([0-9a-f]{64})$/;

/**
 * Undefined when the image has no translations. Damage costs time only: it is said once, and what
 * cannot be read is translated anew.
 */
export function imageTranslations(image: Image, logger: Logger): TranslationStorage | undefined {
  let isDamaged = false;
  const layer = openTranslations(image, nodeCrypto, zstd, (damage) => {
    if (!isDamaged) logger.log('warn', `translations are ignored and made anew: ${damage.message}`);
    isDamaged = true;
  });
  return (
    layer && {
      load: (key) => layer.find(MODULE.exec(key)?.[1] ?? ''),
      refuse: (key, reason) =>
        logger.log('warn', `translations of ${key} are ignored and made anew: ${reason}`),
    }
  );
}
