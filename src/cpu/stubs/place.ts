/** Puts the addresses of this process into the stubs that were made beforehand (`templates.ts`). */

import { assert } from '../../base/assert.ts';
import type { ProbeStubs, StubConfig, Stubs } from './calls.ts';
import * as table from './compiled.table.ts';
import type { StubTemplate } from './templates.ts';

type Offsets<T> = Omit<T, 'bytes'>;

/** The bytes of a template for the addresses of `config`. */
function fill(
  { bytes: base64, holes }: StubTemplate,
  config: Pick<StubConfig, 'origin' | 'mailbox' | 'tlsDisplacement'>,
): Uint8Array {
  const bytes = Uint8Array.fromBase64(base64);
  const view = new DataView(bytes.buffer);
  const { origin, mailbox, tlsDisplacement } = holes;
  for (let n = 0; n < origin.length; n += 2)
    view.setBigInt64(origin[n]!, BigInt(config.origin + origin[n + 1]!), true);
  for (let n = 0; n < mailbox.length; n += 2)
    view.setBigInt64(mailbox[n]!, BigInt(config.mailbox + mailbox[n + 1]!), true);
  for (let n = 0; n < tlsDisplacement.length; n += 2)
    view.setInt32(tlsDisplacement[n]!, config.tlsDisplacement + tlsDisplacement[n + 1]!, true);
  return bytes;
}

/** As `assembleProbe` makes them. */
export function placeProbe(origin: number, mailbox: number): ProbeStubs {
  const template = JSON.parse(table.probe) as StubTemplate;
  const { cpuid, xgetbv } = template.at as Offsets<ProbeStubs>;
  const bytes = fill(template, { origin, mailbox, tlsDisplacement: 0 });
  return { bytes, cpuid: origin + cpuid, xgetbv: origin + xgetbv };
}

/** As `assembleStubs` makes them. */
export function placeStubs(config: StubConfig): Stubs {
  const { origin, codeEnd, codeStart, tickSignal, hasAvx512, hasFsgsbase } = config;
  const { codeBytes, ...fixed } = table.FIXED;
  assert(
    codeEnd - origin === codeBytes &&
      codeStart === fixed.codeStart &&
      tickSignal === fixed.tickSignal,
    'the stubs were made for another layout: npm run stubs',
  );
  const texts = hasAvx512 ? [table.avx512, table.avx512Fsgsbase] : [table.plain, table.fsgsbase];
  const template = JSON.parse(texts[hasFsgsbase ? 1 : 0]!) as StubTemplate;
  const at = template.at as Offsets<Stubs>;
  const moved = <K extends PropertyKey>(offsets: Readonly<Record<K, number>>): Record<K, number> =>
    Object.fromEntries(
      Object.entries<number>(offsets).map(([name, offset]) => [name, origin + offset]),
    ) as Record<K, number>;
  return {
    bytes: fill(template, config),
    calls: moved(at.calls),
    exits: moved(at.exits),
    miss: origin + at.miss,
    missReturn: origin + at.missReturn,
    missJump: origin + at.missJump,
    signalHandler: origin + at.signalHandler,
    pauseLoop: origin + at.pauseLoop,
    partnerLoop: origin + at.partnerLoop,
    runnerLoop: origin + at.runnerLoop,
  };
}
