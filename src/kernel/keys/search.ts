/** Searches through keyrings (`security/keys/keyring.c`). */

import { EACCES, EAGAIN, EDEADLK, EKEYEXPIRED, ELOOP, ENOKEY } from '../../abi/errno.table.ts';
import { KEY_MAY } from '../../abi/keyctl.ts';
import type { Task } from '../task.ts';
import { type Key, nameOf } from './key.ts';
import type { Found, Keys } from './key-table.ts';
import type { KeyType } from './key-types.ts';

/** `KEYRING_SEARCH_MAX_DEPTH`. */
const MAX_DEPTH = 6;

/** Keyrings that a task begins its searches in, in their order. */
function* ownKeyrings(task: Task): Generator<Key> {
  const { thread, shared, session } = task.keyrings;
  if (thread !== undefined) yield thread;
  if (shared.key !== undefined) yield shared.key;
  const last = session ?? task.kernel.keys.user(task.creds.uid).sessionKeyring;
  if (last !== undefined) yield last;
}

/** The caller finds `key` from its own keyrings on, through those that it may search. */
export function possesses(task: Task, key: Key): boolean {
  for (const ring of ownKeyrings(task)) if (reaches(task, ring, key, 0)) return true;
  return false;
}

function reaches(task: Task, ring: Key, key: Key, depth: number): boolean {
  if (ring === key) return true;
  if (ring.links === undefined || depth > MAX_DEPTH || !maySearch(task, ring)) return false;
  if (ring.links.get(key.name) === key) return maySearch(task, key);
  for (const next of ring.links.values())
    if (next.links !== undefined && reaches(task, next, key, depth + 1)) return true;
  return false;
}

/** Searches count as of the possessor: they began at a keyring of the caller. */
const maySearch = (task: Task, key: Key, isPossessed = true): boolean =>
  (key.granted(task.creds, isPossessed) & KEY_MAY.search) !== 0;

/**
 * The key of that type and description in `ring` or below, breadth first.
 * @returns -EAGAIN when there is none, else why the one that is there cannot be used.
 */
export function searchRing(task: Task, ring: Found, type: KeyType, name: string): Found | number {
  if (!maySearch(task, ring.key, ring.isPossessed)) return -EACCES;
  const wanted = nameOf(type, name);
  let result = -EAGAIN;
  let level: readonly Key[] = [ring.key];
  const seen = new Set<Key>(level);
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: Key[] = [];
    for (const at of level) {
      const key = at.links?.get(wanted);
      if (key !== undefined) {
        const state = usable(task, key, ring.isPossessed);
        if (state === 0) return { key, isPossessed: ring.isPossessed };
        result = state;
      }
      for (const inner of at.links?.values() ?? [])
        if (inner.links !== undefined && !seen.has(inner)) {
          seen.add(inner);
          if (maySearch(task, inner, ring.isPossessed)) next.push(inner);
        }
    }
    level = next;
  }
  return result;
}

function usable(task: Task, key: Key, isPossessed: boolean): number {
  const state = key.validate(task.kernel.nowNs());
  if (state < 0) return state;
  if (!maySearch(task, key, isPossessed)) return -EACCES;
  return key.refusal;
}

/** Through all keyrings of the caller. The errors weigh as in `search_cred_keyrings_rcu`. */
export function searchTask(task: Task, keys: Keys, type: KeyType, name: string): Found | number {
  keys.sessionOf(task);
  let weak = 0;
  let strong = 0;
  for (const key of ownKeyrings(task)) {
    const found = searchRing(task, { key, isPossessed: true }, type, name);
    if (typeof found !== 'number') return found;
    // A request does as if expired keys were not there.
    if (found === -EKEYEXPIRED) weak ||= -EAGAIN;
    else if (found === -EAGAIN || found === -ENOKEY) weak = weak === -ENOKEY ? weak : found;
    else strong = found;
  }
  return weak || strong || -EAGAIN;
}

/** 0, or why `key` cannot be linked: circles and towers of keyrings. */
export function linkError(keyring: Key, key: Key): number {
  if (key.links === undefined) return 0;
  if (key === keyring || holds(key, keyring, 0)) return -EDEADLK;
  return height(key, 0) >= MAX_DEPTH ? -ELOOP : 0;
}

function holds(ring: Key, wanted: Key, depth: number): boolean {
  if (depth > MAX_DEPTH || ring.links === undefined) return false;
  for (const key of ring.links.values())
    if (key.links !== undefined && (key === wanted || holds(key, wanted, depth + 1))) return true;
  return false;
}

/** Levels of keyrings from this one on. */
function height(ring: Key, depth: number): number {
  let most = 0;
  if (depth > MAX_DEPTH) return 1;
  for (const key of ring.links?.values() ?? [])
    if (key.links !== undefined) most = Math.max(most, height(key, depth + 1));
  return most + 1;
}
