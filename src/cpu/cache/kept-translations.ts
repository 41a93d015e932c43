/** What a run takes from earlier runs and leaves for later ones. */

import type { CodeCache } from './code-cache.ts';
import { encodeTranslations, TranslationFile } from './translation-file.ts';

/** New units for which translations are written again. */
const WORTH_KEEPING = 32;

/** Bases of modules that the units need; undefined: the file is none for this engine. */
export function useTranslations(
  cache: CodeCache,
  bytes: Uint8Array,
): Readonly<Record<string, number>> | undefined {
  const file = TranslationFile.open(bytes, cache.space.tlsDisplacement);
  if (file) cache.store.useFile(file);
  return file?.bases;
}

/** A file for the next run; undefined when too little is new. */
export function translationsToKeep(
  cache: CodeCache,
  bases: Readonly<Record<string, number>>,
): Uint8Array | undefined {
  const { store, space } = cache;
  if (store.fresh < WORTH_KEEPING) return undefined;
  const { tlsDisplacement } = space;
  return encodeTranslations({ tlsDisplacement, bases, units: store.units() });
}
