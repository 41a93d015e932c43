/**
 * Direct branches between units, by the number that their exits report: plain numbers in typed
 * arrays, since a program has several for each of its blocks.
 */

import { doubled } from '../../base/doubled.ts';

const FIRST_LINKS = 1 << 12;
/** In a place, which is a multiple of 4: the link's unit is dropped. */
const DEAD = 1;

export class LinkTable {
  count = 0;
  private targets = new Uint32Array(FIRST_LINKS);
  private places = new Uint32Array(FIRST_LINKS);
  private nexts = new Int32Array(FIRST_LINKS);
  private previous = new Int32Array(FIRST_LINKS);

  /** A link to the guest address `target`, whose displacement lies at `place` of code memory. */
  add(target: number, place: number): void {
    const at = this.count++;
    if (at === this.targets.length) {
      this.targets = doubled(this.targets);
      this.places = doubled(this.places);
      this.nexts = doubled(this.nexts);
      this.previous = doubled(this.previous);
    }
    this.targets[at] = target;
    this.places[at] = place;
    this.nexts[at] = -1;
    this.previous[at] = -1;
  }

  targetOf(link: number): number {
    return this.targets[link]!;
  }

  placeOf(link: number): number {
    return this.places[link]!;
  }

  /** Another link to the same target in the same domain, or -1. */
  nextOf(link: number): number {
    return this.nexts[link]!;
  }

  /** `link` comes before `first`, the first of its chain, or -1. */
  putBefore(link: number, first: number): void {
    this.nexts[link] = first;
    this.previous[link] = -1;
    if (first >= 0) this.previous[first] = link;
  }

  /** Takes it out of its chain; false: it was the first, and `nextOf` is that now. */
  takeOut(link: number): boolean {
    const next = this.nexts[link]!;
    const previous = this.previous[link]!;
    if (next >= 0) this.previous[next] = previous;
    if (previous < 0) return false;
    this.nexts[previous] = next;
    return true;
  }

  /** Those of a unit that is dropped: their exits are not taken any more. */
  kill(first: number, count: number): void {
    // measured: for a few, `fill` takes ten times as long.
    for (let link = first; link < first + count; link++) this.places[link]! |= DEAD;
  }

  /** The unit of one that was killed is there again; its place, or -1: there is no such link. */
  restore(link: number): number {
    if (link >= this.count) return -1;
    this.nexts[link] = -1;
    this.previous[link] = -1;
    const place = (this.places[link]! & ~DEAD) >>> 0;
    this.places[link] = place;
    return place;
  }

  isLive(link: number): boolean {
    return link >= 0 && link < this.count && (this.places[link]! & DEAD) === 0;
  }

  /** Forgets those from `count` on. */
  truncate(count: number): void {
    this.count = count;
  }
}
