import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROT_READ, PROT_WRITE } from '../../mm/page-host.ts';
import { PageWriter } from './page-writer.ts';
import { NativePageHost } from './pages.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { pages: host } = sharedNativeHost();
assert.ok(host instanceof NativePageHost);
const PAGE = 4096;
const AT = 0x3456_0000;
const EIO = 5;

for (const isForbidden of [false, true])
  test(`pages that may only be read are written, /proc/self/mem ${isForbidden ? 'forbidden' : 'allowed'}`, (t) => {
    const space = host.createSandbox();
    assert.ok(typeof space === 'object');
    using _space = space;
    assert.equal(space.mapAnonymous(AT, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
    space.copyOut(AT + PAGE, Uint8Array.of(7));
    assert.equal(space.protect(AT, PAGE, PROT_READ), 0);
    if (isForbidden) t.mock.method(host.native.sys, 'pwrite', () => -EIO);
    const writer = new PageWriter(host.native, host.copy, host.pagemap);
    for (const value of [1, 2]) {
      space.copyOut(AT + PAGE, Uint8Array.of(value));
      assert.ok(writer.writeClosed(space.base + AT, space.base + AT + PAGE, PAGE));
      const there = new Uint8Array(1);
      assert.equal(space.copyIn(AT, there), 1);
      assert.equal(there[0], value);
      assert.equal(space.copyOut(AT, Uint8Array.of(9)), 0, 'closed again');
    }
  });
