/** Code memory and tables without a machine: for what the cache does before anything runs. */

import type { HostAddr } from '../../../base/brand.ts';
import type { CodeHost } from '../../code-host.ts';
import { EXIT, TABLE_ENTRIES } from '../../sandbox/layout.ts';

const EXECUTABLE = 0x7000_0000;

export function fakeCodeHost(codeBytes = 1 << 16): CodeHost {
  const exits = Object.fromEntries(
    Object.values(EXIT).map((kind) => [kind, (EXECUTABLE + 32 * kind) as HostAddr]),
  );
  const host = {
    tlsDisplacement: -256,
    code: {
      bytes: new Uint8Array(codeBytes),
      executable: EXECUTABLE as HostAddr,
      sizeBytes: codeBytes,
    },
    settleCode: () => undefined,
    prepareCode: () => undefined,
    codeStart: 4096,
    stubs: { exits, miss: (EXECUTABLE + 1024) as HostAddr },
    createTables(returnFill: HostAddr, jumpFill: HostAddr) {
      const returns = new BigUint64Array(TABLE_ENTRIES).fill(BigInt(returnFill));
      const jumps = new BigUint64Array(TABLE_ENTRIES).fill(BigInt(jumpFill));
      return {
        returns,
        jumps,
        setReturn(n: number, target: HostAddr) {
          returns[n] = BigInt(target);
        },
        setJump(n: number, target: HostAddr) {
          jumps[n] = BigInt(target);
        },
        clear() {
          returns.fill(BigInt(returnFill));
          jumps.fill(BigInt(jumpFill));
        },
      };
    },
    allocate: (size: number) => ({ address: 0x6000_0000 as HostAddr, bytes: new Uint8Array(size) }),
  };
  return host as unknown as CodeHost;
}
