/** Freshness anchors as `--anchor` names them: a file, or `tpm:` and a place. */

import type { FreshnessAnchor } from '../fs/sealed/l4-store/anchor.ts';
import { FileAnchor } from '../host/file-anchor.ts';

export const TPM_PREFIX = 'tpm:';

export async function localAnchor(text: string): Promise<FreshnessAnchor & Partial<Disposable>> {
  if (text.startsWith(TPM_PREFIX)) {
    const { parseTpmAnchor, TpmAnchor } = await import('./tpm-anchor.ts');
    return new TpmAnchor(parseTpmAnchor(text.slice(TPM_PREFIX.length)));
  }
  return new FileAnchor(text);
}
