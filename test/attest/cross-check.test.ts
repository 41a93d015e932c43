import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VectorSet } from '../vectors/run-index.ts';
import { peerVerifier } from './peer.ts';

const INDEX = new URL('../vectors/attestation/index.json', import.meta.url).pathname;

/** Where the peer answers otherwise, and why; an entry that no longer differs is an error. */
const EXPLAINED: readonly (readonly [id: string, answer: RegExp, why: string])[] = [
  ['google-tdx-v4-00806f-cos113', /^OutOfDate$/, 'compares TEE_TCB_SVN from byte 0 (QVL: from 2)'],
  ['trustee-az-tdx-v4-00806f', /No matching TCB level/, 'compares TEE_TCB_SVN from byte 0'],
  ['trustee-tdx-v4-50806f-debug', /Debug mode/, 'refuses debug in the verifier; here it is policy'],
  ['trustee-occlum-sgx-v3-00606a-debug', /Debug mode|decode TcbInfo/, 'debug; no TCB info v2'],
  ['azure-tdx-v4-00806f-no-sept-ve-disable', /SEPT_VE_DISABLE/, 'here it is policy'],
  ['mobilecoin-sgx-v3-00906e', /Received null/, 'cannot do without a PCK CRL; here it is policy'],
];

test('an independent verifier agrees, or the difference is explained', async (t) => {
  const set = new VectorSet(INDEX);
  const peer = peerVerifier();
  const used = new Set<string>();
  let agreed = 0;
  for (const vector of set.index.vectors) {
    // Intel's samples are made under a test root, which the peer cannot be given.
    if (vector.kind !== 'dcap-quote' || vector.id.startsWith('intel-sample')) continue;
    for (const one of vector.cases ?? []) {
      const material = set.material(vector, one);
      const ours = await set.judge(vector, one, material);
      const theirs = peer(material, Date.parse(one.time));
      const same = ours.ok ? theirs === ours['status'] : theirs.startsWith('refused');
      if (same) {
        agreed++;
        continue;
      }
      const found = EXPLAINED.find(([id, answer]) => id === vector.id && answer.test(theirs));
      assert.ok(
        found,
        `${vector.id} @ ${one.time}: ours ${JSON.stringify(ours)}, theirs ${theirs}`,
      );
      used.add(found[0]);
    }
  }
  t.diagnostic(`${agreed} cases agree, ${used.size} differences explained`);
  assert.deepEqual([...used].sort(), EXPLAINED.map(([id]) => id).sort());
});
