import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CodeHost } from '../cpu/code-host.ts';
import { CpuModel } from '../cpu/interpret/model.ts';
import { Xstate } from '../cpu/interpret/xstate.ts';
import { STATE, WIDE_HIGH, WIDE_LOW } from '../cpu/sandbox/layout.ts';
import { sharedNativeHost } from '../host/native/testing/shared-native-host.ts';
import { ExtendedImage } from './extended-image.ts';

const { code } = sharedNativeHost();

/** The host, or as if it had no AVX-512, or none that the stubs can use: they do not say then what is in use. */
const HOSTS: readonly CodeHost[] = [code, without(0xe0), without(0)];

function without(components: number): CodeHost {
  const host: Partial<CodeHost> = {
    xcr0: code.xcr0 & ~components,
    hasAvx512: false,
    cpuid: (leaf, subleaf) => code.cpuid(leaf, subleaf),
    createPieces: (pairs) => code.createPieces(pairs),
    allocate: (bytes) => code.allocate(bytes),
  };
  return host as CodeHost;
}

interface Use {
  readonly seed: number;
  readonly low: boolean;
  readonly high: boolean;
  readonly x87: boolean;
}

const use = fc.record({
  seed: fc.nat(250),
  low: fc.boolean(),
  high: fc.boolean(),
  x87: fc.boolean(),
});

for (const host of HOSTS) {
  const model = new CpuModel(host);
  const xstate = new Xstate(model);
  const images = new ExtendedImage(host, model);
  const name = `(XCR0 ${model.xcr0}, ${host.hasAvx512 ? '' : 'not '}told)`;

  /** A state block with values in all that is in use; where it says so, that is wide. */
  function filled({ seed, low, high, x87 }: Use) {
    const state = code.createState();
    images.reset(state);
    const { u8 } = state;
    const byte = (at: number) => (at * 7 + seed) % 251;
    for (let n = 0; n < (model.hasAvx512 && high ? 32 : 16); n++) {
      const bytes = n >= 16 ? 64 : low ? (model.hasAvx512 ? 64 : 32) : 16;
      for (let at = 0; at < bytes; at++) u8[STATE.vectors + 64 * n + at] = byte(64 * n + at);
    }
    if (model.hasAvx512) for (let at = 0; at < 64; at++) u8[STATE.masks + at] = byte(at);
    state.i32[STATE.mxcsr / 4] = 0x1f80 | (seed & 0x3f);
    if (x87) {
      u8[STATE.x87Used] = 1;
      for (let at = 0; at < 160; at++) u8[STATE.x87 + at] = byte(at);
    }
    if (host.hasAvx512) u8[STATE.wideVectors] = (low ? WIDE_LOW : 0) | (high ? WIDE_HIGH : 0);
    return state;
  }

  const vectorsOf = (u8: Uint8Array) => u8.subarray(STATE.vectors, STATE.vectors + 32 * 64 + 64);

  test(`images have what XSAVE stores, and XSTATE_BV leaves out nothing but zeros ${name}`, () => {
    fc.assert(
      fc.property(use, (what) => {
        using state = filled(what);
        const image = new Uint8Array(model.xsaveBytes);
        images.save(state, image);
        const all = new Uint8Array(model.xsaveBytes);
        xstate.save(state.u8, all, model.xcr0, false);
        const named = image[512] as number;
        assert.equal(named & 3, 3);
        assert.equal(named & ~model.xcr0, 0);
        for (const { bit, offset, bytes } of model.components)
          if ((named & (1 << bit)) === 0)
            assert.ok(all.subarray(offset, offset + bytes).every((byte) => byte === 0));
        all[512] = named;
        assert.deepEqual(image, all);
      }),
    );
  });

  test(`what was in use before an image is taken leaves nothing behind ${name}`, () => {
    fc.assert(
      fc.property(use, use, (what, before) => {
        using state = filled({ ...what, x87: false });
        const image = new Uint8Array(model.xsaveBytes);
        images.save(state, image);
        using target = filled(before);
        assert.equal(images.load(target, image), true);
        assert.deepEqual(vectorsOf(target.u8), vectorsOf(state.u8));
        assert.equal(target.i32[STATE.mxcsr / 4], state.i32[STATE.mxcsr / 4]);
        assert.equal(target.u8[STATE.x87Used], 0);
        if (host.hasAvx512) assert.equal(target.u8[STATE.wideVectors], state.u8[STATE.wideVectors]);
      }),
    );
  });

  test(`load() takes nothing of an image that is not as save() makes them ${name}`, () => {
    using state = filled({ seed: 1, low: true, high: true, x87: false });
    const image = new Uint8Array(model.xsaveBytes);
    images.save(state, image);
    const changes = [
      [0, 0x7e], // FCW
      [40, 1], // an x87 register
      [26, 1], // reserved bits of MXCSR
      [512, 1], // no SSE
      [513, 2], // one that guests do not have
      [520, 1], // XCOMP_BV
      [575, 1],
    ] as const;
    for (const [at, value] of changes) {
      const bad = image.slice();
      bad[at] = value;
      using target = filled({ seed: 9, low: true, high: false, x87: true });
      const before = target.u8.slice();
      assert.equal(images.load(target, bad), false, `${at}`);
      assert.deepEqual(target.u8, before);
    }
  });
}
