/**
 * One native host for all tests of a process: thread-local storage of stubs is never unloaded, and the
 * handlers of signals are those of one. With a partner thread, wherever it runs.
 */

import { createNativeHost, type NativeHost } from '../native-host.ts';

const KEY = Symbol.for('cloister.test.native-host');

export function sharedNativeHost(): NativeHost {
  const holder = globalThis as { [KEY]?: NativeHost };
  holder[KEY] ??= createNativeHost({ hasPartner: true });
  return holder[KEY];
}
