/** Address spaces over real pages, for tests: made and forked, or the test fails. */

import assert from 'node:assert/strict';
import { sharedNativeHost } from '../../host/native/testing/shared-native-host.ts';
import type { AddressSpace } from '../address-space.ts';
import type { GuestAddressSpace } from '../guest-address-space.ts';
import { createAddressSpaces } from '../space-context.ts';

export function testSpaces() {
  const host = sharedNativeHost().pages;
  const spaces = createAddressSpaces(host, undefined);
  return {
    host,
    create(): GuestAddressSpace {
      const space = spaces.create();
      assert.ok(typeof space === 'object');
      return space;
    },
  };
}

export function fork(space: AddressSpace): AddressSpace {
  const child = space.fork();
  assert.ok(typeof child === 'object', `fork: ${child}`);
  return child;
}
