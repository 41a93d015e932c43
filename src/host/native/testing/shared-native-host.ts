/** One native host for all tests of a process: thread-local storage of stubs is never unloaded. */

import { createNativeHost, type NativeHost } from '../native-host.ts';

const KEY = Symbol.for('cloister.test.native-host');

export function sharedNativeHost(): NativeHost {
  const holder = globalThis as { [KEY]?: NativeHost };
  holder[KEY] ??= createNativeHost();
  return holder[KEY];
}
