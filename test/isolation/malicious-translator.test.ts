/**
 * A translator that lies in its records, and in slots and exits: the process that runs what it made
 * is killed with a line in the log, its neighbour runs on in the same platform.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Translator } from '../../src/cpu/translate/translate.ts';
import { LINK_INTS, plainUnit, type Unit } from '../../src/cpu/translate/unit.ts';
import { sharedNativeHost } from '../../src/host/native/testing/shared-native-host.ts';
import { RUN } from '../../src/kernel/platform.ts';
import type { AddressSpace } from '../../src/mm/address-space.ts';
import { createAddressSpaces } from '../../src/mm/space-context.ts';
import type { UnitMaker } from '../../src/platform/broken-translation.ts';
import { TranslatedPlatform } from '../../src/platform/platform.ts';

const PAGE = 4096;
const CODE = 0x400000;
const SIGKILL = 9;
const host = sharedNativeHost();

/** mov eax, 5; jmp to the next page, which has: syscall. */
const GOOD = [0xb8, 5, 0, 0, 0, 0xe9, 0xf6, 0x0f, 0, 0];
/** Another program, as the platform keeps what it made of the first: mov ebx, 6 before it. */
const OTHER = [0xbb, 6, 0, 0, 0, 0xb8, 6, 0, 0, 0, 0xe9, 0xf1, 0x0f, 0, 0];
/** More than a unit holds: it ends with a link. mov eax, 6; inc ecx …; syscall */
const LONG = [0xb8, 6, 0, 0, 0, ...Array(1100).fill([0xff, 0xc1]).flat(), 0x0f, 0x05];
/** mov eax, [0]; syscall */
const FAULTING = [0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x0f, 0x05];
const SYSCALL = [0x0f, 0x05];

interface Lie {
  readonly code: readonly number[];
  readonly tell: (unit: Unit) => Unit;
  readonly says: RegExp;
}

function withSite(unit: Unit, site: number): Unit {
  const bytes = unit.bytes.slice();
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < unit.links.length; n += LINK_INTS)
    view.setInt32(unit.links[n + 2] as number, site, true);
  // Without the record nobody fills in the true number.
  return plainUnit(unit, { bytes, links: new Uint32Array(0) });
}

/** They name the first block, too, and a good entry there would serve. */
const NO_LEADERS = new Uint32Array(0);

const LIES: Readonly<Record<string, Lie>> = {
  'a link that never was': {
    code: LONG,
    tell: (unit) => withSite(unit, 0x7fff_ffff),
    says: /left by link 2147483647, which is none/,
  },
  'a negative link': {
    code: LONG,
    tell: (unit) => withSite(unit, -1),
    says: /left by link -1, which is none/,
  },
  'an entry inside of an instruction': {
    code: OTHER,
    tell: (unit) => plainUnit(unit, { entryAt: unit.entryAt + 1, leaders: NO_LEADERS }),
    says: /its entry \d+ is no instruction/,
  },
  'an entry outside of the unit': {
    code: OTHER,
    tell: (unit) => plainUnit(unit, { entryAt: -64, leaders: NO_LEADERS }),
    says: /its entry -64 is no instruction/,
  },
  'no record of what faults': {
    code: FAULTING,
    tell: (unit) =>
      plainUnit(unit, {
        details: {
          offsets: new Uint32Array(0),
          rips: new Uint32Array(0),
          fixups: new Int32Array(0),
        },
      }),
    says: /no record of the instruction that was interrupted/,
  },
  'another source than that of what faults': {
    code: FAULTING,
    tell: (unit) =>
      plainUnit(unit, { source: unit.source.map((byte, n) => (n === 0 ? 0x90 : byte)) }),
    says: /it is no translation of its source/,
  },
  'code that the verifier refuses': {
    code: OTHER,
    tell: (unit) =>
      plainUnit(unit, { bytes: unit.bytes.map((b, i) => (i === unit.entryAt ? 0xf4 : b)) }),
    says: /The code verifier refused the translation of 0x400000/,
  },
};

function program(
  platform: TranslatedPlatform,
  spaces: ReturnType<typeof createAddressSpaces>,
  code: readonly number[],
): AddressSpace {
  const space = spaces.create();
  assert.ok(typeof space === 'object');
  space.map({ addr: CODE, length: 2 * PAGE, prot: 7, fixed: true });
  space.copyOut(CODE, Uint8Array.from(code));
  space.copyOut(CODE + PAGE, Uint8Array.from(SYSCALL));
  platform.adopt(space);
  return space;
}

function outcome(platform: TranslatedPlatform, space: AddressSpace): string {
  using cpu = platform.createCpu();
  cpu.reset();
  cpu.rip = CODE;
  for (;;) {
    const exit = platform.run(cpu, space);
    if (exit === RUN.syscall) return `call ${cpu.gprs[0]}`;
    if (exit === RUN.fault) return `signal ${cpu.fault.signal}`;
  }
}

for (const [name, { code, tell, says }] of Object.entries(LIES))
  test(`${name}: only the process that ran it is killed`, () => {
    const honest = new Translator(host.code.tlsDisplacement);
    let isLying = false;
    const translator: UnitMaker = {
      translate: (source, rip, limits) => {
        const unit = honest.translate(source, rip, limits);
        return unit && isLying ? tell(unit) : unit;
      },
      landingThunk: (rip, kind) => honest.landingThunk(rip, kind),
      describe: (unit) => honest.describe(unit),
    };
    const lines: string[] = [];
    const logger = { log: (level: string, line: string) => void lines.push(`${level}: ${line}`) };
    const platform = new TranslatedPlatform(host.code, logger, translator);
    const spaces = createAddressSpaces(host.pages, undefined);
    const before = program(platform, spaces, GOOD);
    assert.equal(outcome(platform, before), 'call 5');
    isLying = true;
    const victim = program(platform, spaces, code);
    assert.equal(outcome(platform, victim), `signal ${SIGKILL}`);
    assert.match(lines.join('\n'), says);
    assert.match(lines.join('\n'), /^error: a process is killed/);
    isLying = false;
    assert.equal(outcome(platform, before), 'call 5', 'the neighbour runs on');
    const after = program(platform, spaces, GOOD);
    assert.equal(outcome(platform, after), 'call 5', 'and so does a new one');
    for (const space of [before, victim, after]) {
      platform.release(space);
      space[Symbol.dispose]();
    }
  });

test('what the verifier refuses where control never comes does not end the program', () => {
  const honest = new Translator(host.code.tlsDisplacement);
  let refusals = 0;
  const translator: UnitMaker = {
    translate(source, rip, limits) {
      const unit = honest.translate(source, rip, limits);
      if (!unit || unit.instructionCount < 100) return unit;
      refusals++;
      return plainUnit(unit, { bytes: unit.bytes.map((b, i) => (i === unit.entryAt ? 0xf4 : b)) });
    },
    landingThunk: (rip, kind) => honest.landingThunk(rip, kind),
    describe: (unit) => honest.describe(unit),
  };
  const logger = { log: (_level: string, line: string) => assert.fail(line) };
  const platform = new TranslatedPlatform(host.code, logger, translator);
  const space = program(platform, createAddressSpaces(host.pages, undefined), LONG);
  assert.equal(outcome(platform, space), 'call 6');
  assert.ok(refusals > 3);
  platform.release(space);
  space[Symbol.dispose]();
});
