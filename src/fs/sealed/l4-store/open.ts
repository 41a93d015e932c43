/** Creates and opens volumes: header, superblocks, freshness. */

import type { Crypto, Entropy } from '../../../base/interfaces.ts';
import { asVolumeError, damaged, VolumeError } from '../errors.ts';
import { BLOCK_BYTES, type BlockHost, readFully } from '../l0-host/block-host.ts';
import {
  encodeHeader,
  HEADER_COPIES,
  type Header,
  sealRing,
  type UnlockedHeader,
  wrapMaster,
} from '../l1-keys/header.ts';
import { Sealer } from '../l1-keys/sealer.ts';
import {
  FIRST_SUPER_BLOCK,
  headerOffset,
  type SecretSource,
  type SlotMaker,
  unlockHeader,
} from '../l1-keys/unlock.ts';
import type { AnchorState, FreshnessAnchor } from './anchor.ts';
import { PieceIo } from './piece-io.ts';
import { VolumeStore } from './store.ts';
import { decodeSuperblock, type Superblock } from './superblock.ts';

export interface VolumeContext {
  readonly host: BlockHost;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** The volume as messages name it. */
  readonly name: string;
  readonly anchor?: FreshnessAnchor;
}

export interface CreateOptions {
  /** Largest size of contents and metadata together. */
  readonly sizeBytes: number;
  readonly slots: readonly { readonly name: string; readonly maker: SlotMaker }[];
}

const LONE_HEADER =
  'one of the two copies of its header is not authentic or not the newest: a crash cut a change of ' +
  'keys short, or the host damaged it; `cloister volume rekey` writes both';

export const MIN_VOLUME_BYTES = 4 << 20;
export const MAX_VOLUME_BYTES = 2 ** 52;

/** A new, empty store over an empty host range. The first commit makes it a volume. */
export function createStore(context: VolumeContext, options: CreateOptions): VolumeStore {
  try {
    return create(context, options);
  } catch (cause) {
    throw asVolumeError(context.name, cause, 'make it');
  }
}

function create(context: VolumeContext, options: CreateOptions): VolumeStore {
  const { host, crypto, entropy, name } = context;
  if (options.sizeBytes < MIN_VOLUME_BYTES || options.sizeBytes > MAX_VOLUME_BYTES)
    throw new VolumeError('CLOISTER_VOLUME_USE', 'a volume has between 4 MiB and 4096 TiB');
  if (host.read(0, new Uint8Array(1)) !== 0)
    throw new VolumeError('CLOISTER_VOLUME_USE', `${name} is not empty: give another place`);
  const random = (length: number) => {
    const bytes = new Uint8Array(length);
    entropy.fill(bytes);
    return bytes;
  };
  const volumeId = random(16);
  const masterKey = random(32);
  const ring = { keys: new Map([[1, random(32)]]), current: 1 };
  const slots = options.slots.map(({ name: slotName, maker }) => {
    const { parameters, kek } = maker.makeKek(volumeId);
    const { type } = maker;
    return {
      type,
      name: slotName,
      parameters,
      ...wrapMaster(crypto, entropy, volumeId, kek, masterKey),
    };
  });
  const sealed = sealRing(crypto, entropy, volumeId, masterKey, ring);
  const header: Header = { generation: 1, volumeId, slots, ...sealed };
  const bytes = encodeHeader(crypto, header, masterKey);
  for (let copy = 0; copy < HEADER_COPIES; copy++) host.write(headerOffset(copy), [bytes]);
  const sealer = new Sealer(crypto, entropy, ring);
  const store = new VolumeStore({
    name,
    io: new PieceIo(host, sealer, name),
    crypto,
    unlocked: { header, masterKey, ring },
    superblock: undefined,
    limitBlocks: Math.floor(options.sizeBytes / BLOCK_BYTES),
    nameSeed: random(8),
    isReadOnly: false,
  });
  if (context.anchor !== undefined) store.establishAnchor(context.anchor);
  return store;
}

export interface OpenOptions {
  readonly secret: SecretSource;
  readonly isReadOnly: boolean;
}

/** Opens a volume: at most a few dozen reads, whatever its size. Throws VolumeError. */
export function openStore(context: VolumeContext, options: OpenOptions): VolumeStore {
  try {
    return open(context, options);
  } catch (cause) {
    throw asVolumeError(context.name, cause, 'read its header');
  }
}

function open(context: VolumeContext, options: OpenOptions): VolumeStore {
  const { host, crypto, entropy, name } = context;
  const { unlocked, hasBothCopies } = unlockHeader(host, crypto, options.secret, name);
  const sealer = new Sealer(crypto, entropy, unlocked.ring);
  const io = new PieceIo(host, sealer, name);
  const { superblock, block, isClosed, remark } = newestSuperblock(io, unlocked, name);
  const remarks = [remark, hasBothCopies ? undefined : LONE_HEADER].filter((one) => one);
  const store = new VolumeStore({
    name,
    io,
    crypto,
    unlocked,
    superblock,
    limitBlocks: superblock.limitBlocks,
    isReadOnly: options.isReadOnly,
    isClosed,
    remark: remarks.length === 0 ? undefined : remarks.join('; '),
    block,
  });
  const { anchor } = context;
  if (anchor !== undefined) {
    anchor.recall?.(store.anchorKept);
    store.setAnchor(anchor, checkFresh(context, anchor, superblock, store.commitment));
  }
  return store;
}

interface Candidate {
  readonly superblock: Superblock;
  readonly block: Uint8Array;
}

interface Newest extends Candidate {
  /** See {@link VolumeStore.close}. */
  readonly isClosed: boolean;
  readonly remark: string | undefined;
}

function newestSuperblock(io: PieceIo, unlocked: UnlockedHeader, name: string): Newest {
  const { header } = unlocked;
  const candidates: Candidate[] = [];
  for (let place = 0; place < 2; place++) {
    const block = new Uint8Array(BLOCK_BYTES);
    if (!readFully(io.host, (FIRST_SUPER_BLOCK + place) * BLOCK_BYTES, block)) continue;
    const superblock = decodeSuperblock(io.sealer, block);
    if (superblock === undefined || superblock.generation % 2 !== place) continue;
    if (superblock.volumeId.some((byte, i) => byte !== header.volumeId[i])) continue;
    candidates.push({ superblock, block });
  }
  candidates.sort((a, b) => b.superblock.generation - a.superblock.generation);
  const complete = candidates.find(({ superblock }) =>
    superblock.manifest.every(({ kind, pointer }) => io.tryRead(kind, pointer) !== undefined),
  );
  if (complete === undefined)
    throw damaged(name, 'neither of its two superblocks is authentic and complete');
  if (complete.superblock.headerGeneration > header.generation)
    throw new VolumeError(
      'CLOISTER_VOLUME_STALE',
      `the header of volume ${name} is older than its contents: the host has put an old one back`,
    );
  const [newest, other] = candidates as [Candidate, Candidate | undefined];
  const { generation } = complete.superblock;
  const cause = 'a crash cut the last one short, or the host damaged it';
  let remark: string | undefined;
  if (newest !== complete)
    remark = `commit ${generation} was opened, a later one is not whole: ${cause}`;
  else if (other === undefined)
    remark = `commit ${generation} was opened, the only one with an authentic superblock: ${cause}`;
  return { ...complete, isClosed: isClosedAt(newest, other), remark };
}

/** Both superblocks name the same root, and need no manifest. */
function isClosedAt({ superblock: a }: Candidate, other: Candidate | undefined): boolean {
  if (other === undefined) return false;
  const { superblock: b } = other;
  const [one, two] = [a.root.pointer, b.root.pointer];
  const isSameRoot = one.session === two.session && one.counter === two.counter;
  return isSameRoot && a.manifest.length === 0 && b.manifest.length === 0;
}

/** Throws unless the commit is the one that the anchor remembers, or a later one. */
function checkFresh(
  context: VolumeContext,
  anchor: FreshnessAnchor,
  { volumeId, generation, mark }: Superblock,
  commitment: Uint8Array,
): AnchorState {
  const known = anchor.read(volumeId, { generation, commitment, mark });
  const stale = (what: string) =>
    new VolumeError(
      'CLOISTER_VOLUME_STALE',
      `volume ${context.name} is not fresh: ${what} (${anchor.name}). The host may have put an ` +
        'old copy back; nothing of it was used',
    );
  if (known === undefined) throw stale('the anchor does not know this volume');
  if (generation < known.generation)
    throw stale(`it stands at commit ${generation}, the anchor at ${known.generation}`);
  const isSame = commitment.every((byte, i) => byte === known.commitment[i]);
  if (generation === known.generation && !isSame)
    throw stale(`commit ${generation} is not the one that the anchor remembers`);
  return known;
}
